module action

go 1.18
