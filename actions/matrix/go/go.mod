module group_a

go 1.18

require action v1.0.0

replace action => ../../go/action
