//! Variables, and what takes their place.

use super::*;

#[test]
fn variables_are_used_known_and_not_called_like_a_key() {
    check(
        "title = \"t\"\n",
        "title = \"t\"\n[vars]\ndelay = \"1s\"\n",
        expect![[r#"
            3:1 the variable `delay` is never used | write `{{delay}}` where it belongs, or delete it
        "#]],
    );
    check(
        "title = \"t\"\n",
        "title = \"{{who}}\"\n",
        expect![[r#"
            1:9 no variable is named `who`
        "#]],
    );
    check(
        "title = \"t\"\n",
        "title = \"{{guard}}\"\n[vars]\nguard = \"1s\"\n",
        expect![[r#"
            3:1 the variable `guard` has the name of a top-level key | call it something else
        "#]],
    );
    check(
        "http://127.0.0.1:9090",
        "{{lab.prometheus}}",
        expect![[r#"
            7:14 no variable is named `lab.prometheus`
            7:14 `{{lab.prometheus}}` is not a URL | write it with its scheme, such as `http://127.0.0.1:9090`
        "#]],
    );
}

#[test]
fn set_replaces_a_variable_and_refuses_an_unknown_one() {
    let text = GOOD.replacen("title = \"t\"\n", "title = \"{{who}}\"\n[vars]\nwho = \"a\"\n", 1);
    let set = |key: &str| Given {
        set: BTreeMap::from([(key.to_owned(), "b".to_owned())]),
        ..Given::default()
    };
    assert_eq!(load(&text, &set("who")).unwrap().title, "b");
    let problems = load(&text, &set("whom")).unwrap_err();
    assert!(problems[0].message().contains("--set whom"), "{}", problems[0]);
    assert_eq!(problems[0].remedy(), Some("did you mean `who`?"));
}
