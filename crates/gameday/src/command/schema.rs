//! `gameday schema`: the JSON Schema of a kind of file, for editors.

use std::process::ExitCode;

use crate::cli::SchemaArgs;
use crate::{exit, output, schema};

pub(crate) fn schema(args: &SchemaArgs) -> ExitCode {
    output::print_json(&schema::document(args.kind));
    exit::OK.into()
}
