//! Name servers that are hostile, old or half broken: each is told with its reason, none keeps us.

mod answers;
mod fallbacks;
mod servers;
mod verdicts;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::RecordType;

use crate::kind::tests::{check, look};
use servers::{Server, address, alias, answer, failing, name, panel, records, serve};
