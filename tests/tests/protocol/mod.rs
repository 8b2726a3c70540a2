//! The conformance cases. Numbers are those of the case list; where the list has holes, a case of the same kind stands
//! that the protocol covers too.

mod a_basic;
