//! The page at `/`: where to go, and the recent probes.

use std::sync::PoisonError;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::exporter::Exporter;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;\
color-scheme:light dark}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;\
border-bottom:1px solid #8886;white-space:nowrap}td:nth-child(2){white-space:normal;overflow-wrap:anywhere}.failure{color:#c22;font-weight:600}\
@media(prefers-color-scheme:dark){.failure{color:#f77}}";

pub(super) fn render(exporter: &Exporter) -> Markup {
    let config = exporter.config();
    let history = exporter.history.lock().unwrap_or_else(PoisonError::into_inner);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Blackbox Exporter" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Blackbox Exporter" }
                p { a href="probe?target=prometheus.io&module=http_2xx" { "Probe prometheus.io for http_2xx" } }
                p { a href="probe?target=prometheus.io&module=http_2xx&debug=true" { "Debug probe prometheus.io for http_2xx" } }
                p { a href="metrics" { "Metrics" } }
                p { a href="config" { "Configuration" } }
                p { "Modules: " (config.names().collect::<Vec<_>>().join(", ")) }
                h2 { "Recent Probes" }
                table {
                    tr { th { "Module" } th { "Target" } th { "Result" } th { "Debug" } }
                    @for (number, entry) in history.list() {
                        tr {
                            td { (entry.module_name) }
                            td { (entry.target) }
                            @if entry.probed.success { td { "Success" } } @else { td .failure { "Failure" } }
                            td { a href={ "logs?id=" (number) } { "Logs" } }
                        }
                    }
                }
            }
        }
    }
}
