//! The conformance cases. Numbers are those of the case list; where the list has holes, a case of the same kind stands
//! that the protocol covers too.

mod a_basic;
mod b_again;
mod b_init;
mod b_init_env;
mod b_initialiser;
mod c_code;
mod c_text;
mod d_bytes;
mod d_run;
mod e_context;
mod f_logs;
mod g_bodies;
mod g_clients;
mod g_http;
mod h_concurrency;
mod h_lifecycle;
mod h_limits;
mod i_oracle;
mod k_knative;
mod p_plain;
