//! Checkly.

use super::check;

/// ```ts
/// // Checkly, an API check as code
/// new ApiCheck('health', {
///   name: 'Health', frequency: Frequency.EVERY_1M, locations: ['eu-west-1', 'us-east-1'],
///   degradedResponseTime: 500, maxResponseTime: 1000,
///   request: {
///     url: '{{BASE}}/health', method: 'GET', followRedirects: true, skipSSL: false,
///     headers: [{ key: 'X-Api-Key', value: '{{API_KEY}}' }], queryParameters: [{ key: 'deep', value: 'true' }],
///     assertions: [
///       AssertionBuilder.statusCode().equals(200),
///       AssertionBuilder.jsonBody('$.status').equals('UP'),
///       AssertionBuilder.jsonBody('$.version').notEquals('0.0.0'),
///       AssertionBuilder.jsonBody('$.errors').isNull(),
///       AssertionBuilder.headers('content-type').contains('application/json'),
///       AssertionBuilder.textBody().notContains('stack trace'),
///       AssertionBuilder.responseTime().lessThan(1000),
///     ],
///   },
/// })
/// ```
#[test]
fn an_api_check_of_checkly() {
    let text = r#"
every = "1m"
[secrets]
key = { env = "API_KEY" }
[[step]]
name = "health"
get = "BASE/health"
query = { deep = "true" }
headers = { X-Api-Key = "{{secret.key}}" }
follow = 10
slo = "5s"
timeout = "8s"
expect = [
    "status == 200",
    'json $.status == "UP"',
    'json $.version != "0.0.0"',
    "json $.errors isNull",
    'header content-type contains "application/json"',
    'body not contains "stack trace"',
    "duration < 8s",
]
"#;
    check(
        text,
        &[
            ("maintenance", "http_status", "503"),
            ("degraded", "assert_failed", "DEGRADED"),
            ("errors", "assert_failed", "isNull"),
        ],
    );
}

/// ```ts
/// // Checkly, a multistep check
/// test('reserve and cancel', async ({ request }) => {
///   const ticket = await test.step('POST /tickets', async () => {
///     const response = await request.post(`${BASE}/tickets`, { headers: { Authorization: `Bearer ${process.env.API_KEY}` },
///                                                              data: { event: 1 } })
///     expect(response).toBeOK()
///     return response.json()
///   })
///   await test.step('GET /tickets/{id}', async () => {
///     const response = await request.get(`${BASE}/tickets/${ticket.id}`, { headers })
///     expect(response).toBeOK()
///     expect((await response.json()).event).toEqual(ticket.event)
///   })
///   await test.step('DELETE /tickets/{id}', async () => {
///     expect(await request.delete(`${BASE}/tickets/${ticket.id}`, { headers })).toBeOK()
///   })
/// })
/// ```
#[test]
fn a_multistep_check_of_checkly() {
    let text = r#"
[secrets]
key = { env = "API_KEY" }
[http]
auth = { bearer = "{{secret.key}}" }
[[step]]
name = "post-tickets"
post = "BASE/tickets"
json = { event = 1 }
expect = ["status in 200..299"]
save = { id = { json = "$.id" }, event = { json = "$.event" } }
[[step]]
name = "get-ticket"
get = "BASE/tickets/{{id}}"
expect = ["status in 200..299", 'json $.event toString == "{{event}}"']
[[step]]
name = "delete-ticket"
delete = "BASE/tickets/{{id}}"
expect = ["status in 200..299"]
"#;
    check(
        text,
        &[
            ("tickets", "http_status", "`post-tickets`"),
            ("lost", "http_status", "`get-ticket`"),
            ("other", "assert_failed", "`get-ticket`"),
        ],
    );
}
