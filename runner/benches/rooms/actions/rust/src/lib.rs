//! A call that does nothing: what entering and leaving costs.

use action_abi::{export, Error};
use serde::de::IgnoredAny;

fn nothing(_params: IgnoredAny) -> Result<[u8; 0], Error> {
    Ok([])
}

export!(nothing);
