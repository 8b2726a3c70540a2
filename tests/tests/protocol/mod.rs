//! The conformance cases. Numbers are those of the case list; where the list has holes, a case of the same kind stands
//! that the protocol covers too.

mod a_basic;
mod b_init;
mod b_init_env;
mod c_code;
mod d_run;
mod e_context;
mod f_logs;
mod g_http;
mod h_lifecycle;
mod i_oracle;
