//! `gameday alerts`: the alert rules of a Prometheus, and which of them drills have proved.

mod listing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use gameday_alert::{Alertmanager, Prometheus, Routing, Rule};
use gameday_core::{Ratio, RuleSeen, Span, Timestamp};
use gameday_report::{Asked, Coverage, Proof, RouteSeen, coverage, proofs};

use crate::command::drills;
use crate::output::{self, Format};
use crate::{command, exit};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 told, 1 fewer rules are proved than --min, 2 your arguments, or no answer"
)]
pub(crate) struct AlertsArgs {
    /// The Prometheus whose rules are read
    #[arg(long, value_name = "URL")]
    prometheus: String,
    /// The Alertmanager whose routes are read
    #[arg(long, value_name = "URL")]
    alertmanager: Option<String>,
    /// Tell for each rule (and route) the last drill that proved it
    #[arg(long)]
    coverage: bool,
    /// The folder of drills whose journals are read
    #[arg(long, value_name = "DIR", default_value = "drills", requires = "coverage")]
    drills: PathBuf,
    /// Exit with 1 when a smaller share of the rules is proved, e.g. 80%
    #[arg(long, value_name = "SHARE", requires = "coverage")]
    min: Option<Ratio>,
    /// A proof that is older than this is stale and does not count, e.g. 90d
    #[arg(long, value_name = "SPAN", requires = "coverage")]
    max_age: Option<Span>,
    /// How it is printed on stdout
    #[arg(long, visible_alias = "format", value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(crate) fn alerts(args: &AlertsArgs) -> ExitCode {
    let told = command::runtime()
        .block_on(ask(args))
        .and_then(|(rules, routing)| {
            if args.coverage {
                return tell_coverage(args, &rules, routing.as_ref());
            }
            listing::tell(&rules, routing.as_ref(), args.output);
            Ok(exit::OK)
        });
    match told {
        Ok(code) => code.into(),
        Err(why) => {
            output::say(&format!("error: {why}"));
            exit::USAGE.into()
        }
    }
}

async fn ask(args: &AlertsArgs) -> Result<(Vec<Rule>, Option<Routing>), String> {
    let say = |error: gameday_alert::SourceError| error.to_string();
    let prometheus = Prometheus::new(&args.prometheus).map_err(say)?;
    let rules = prometheus.rules(&[]).await.map_err(say)?;
    let routing = match &args.alertmanager {
        Some(url) => {
            let alertmanager = Alertmanager::new(url, Vec::new()).map_err(say)?;
            Some(alertmanager.survey().await.map_err(say)?.routing)
        }
        None => None,
    };
    Ok((rules, routing))
}

fn tell_coverage(args: &AlertsArgs, rules: &[Rule], routing: Option<&Routing>) -> Result<u8, String> {
    let coverage = work_out(args, rules, routing)?;
    match args.output {
        Format::Json => output::print_json(&coverage),
        Format::Text => output::print(&coverage.text()),
        Format::Md => output::print(coverage.markdown().trim_end()),
    }
    let Some(min) = args.min else { return Ok(exit::OK) };
    // No rule at all is no coverage.
    if coverage.share.unwrap_or(0.0) >= min.get() {
        return Ok(exit::OK);
    }
    let wanted = String::from(min);
    output::say(&format!("failed: {}, less than {wanted}", coverage.sentence()));
    Ok(exit::FAILED)
}

fn work_out(args: &AlertsArgs, rules: &[Rule], routing: Option<&Routing>) -> Result<Coverage, String> {
    let rules: Vec<RuleSeen> = rules.iter().map(|rule| rule.seen.clone()).collect();
    let journals = drills::journals(&args.drills)?;
    let proofs: Vec<Proof> = drills::each(&journals, proofs).into_iter().flatten().collect();
    let routes: Vec<RouteSeen> = routing
        .iter()
        .flat_map(|routing| routing.routes())
        .map(|stop| RouteSeen {
            path: stop.path,
            receiver: stop.route.receiver.clone(),
        })
        .collect();
    let stops =
        |labels: &BTreeMap<String, String>| routing.map(|routing| routing.stops(labels)).unwrap_or_default();
    let asked = Asked {
        rules: &rules,
        routes: &routes,
        proofs: &proofs,
        now: Timestamp::now(),
        max_age: args.max_age.map(Span::get),
    };
    Ok(coverage(&asked, &stops))
}
