//! Assertions: what they say of an answer, and what is said of a bad one.

mod problems;
mod queries;
mod values;

use std::collections::BTreeMap;

use bytes::Bytes;
use expect_test::{Expect, expect};
use gameday_core::Phases;
use hyper::header::{HeaderMap, HeaderValue};

use hyper::Version;

use super::*;
use crate::net::{Body, Head, Request, Url};
use crate::template::Template;

fn response() -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(
        "content-type",
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    headers.append("via", HeaderValue::from_static("a"));
    headers.append("via", HeaderValue::from_static("b"));
    let body = br#"{ "id": "pay_1", "amount": 100, "rate": 1.0, "paid": true, "error": null,
                      "a b": "x", "token": "e30.eyJzdWIiOiLDvD9-In0.x", "items": [ { "k": 1, "v": "one" }, { "k": 2, "v": "two" } ] }"#;
    headers.insert(
        "expires",
        HeaderValue::from_static("Wed, 21 Oct 2015 07:28:00 GMT"),
    );
    let cookie = "session=s3; Max-Age=3600; Path=/; HttpOnly";
    headers.append("set-cookie", HeaderValue::from_static(cookie));
    let head = Head {
        status: 201,
        version: Version::HTTP_11,
        headers,
    };
    let body = Body {
        bytes: body.len() as u64,
        kept: Bytes::from_static(body),
        ..Body::default()
    };
    let asked = Request::get(Url::parse("http://shop.test/pay?x=1").unwrap());
    let phases = Phases {
        connect_us: 1500,
        wait_us: 3000,
        ..Phases::default()
    };
    Response::new(head, body, ([127, 0, 0, 1], 80).into(), &asked).took(phases)
}

/// The one place that knows the API: `holds`, what was found instead, or what is wrong with it.
#[track_caller]
fn check(assertion: &str, expect: Expect) {
    let secrets = BTreeMap::new();
    let values = Values::begin(&secrets, &BTreeMap::new()).unwrap();
    let said = match parse(assertion, &mut |text| Some(Template::fixed(text))) {
        Err(wrong) => match wrong.hint {
            Some(hint) => format!("error: {}\nhint: {hint}", wrong.message),
            None => format!("error: {}", wrong.message),
        },
        Ok(assertion) => match assertion.unwrap().check(&response(), &values) {
            Ok(()) => "holds".to_owned(),
            Err(Unmet::Found(found)) => format!("found {found}"),
            Err(Unmet::Missing(Missing(name))) => format!("missing {name}"),
        },
    };
    expect.assert_eq(&said);
}
