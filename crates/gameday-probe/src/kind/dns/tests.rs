//! Name servers that are hostile, old or half broken: each is told with its reason, none keeps us.

mod answers;
mod fallbacks;
mod flows;
mod servers;
mod unjudged;
mod verdicts;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};

use crate::kind::tests::{check, look};
use servers::{Server, address, alias, answer, failing, name, panel, records, serve};
