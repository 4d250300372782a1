//! Regions whose word does not count, and why.

use super::*;

#[test]
fn a_region_that_is_cut_off_knows_it_and_the_others_only_miss_it() {
    // Seen from the region that is cut off: nobody is heard, nothing answers, nor does its control target.
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap control ok
         0 eu,us,ap up
         2 us,ap silent
         3 eu down
         5 eu control lost
         14 eu down
         30 eu down
         40 eu control ok
         40 us,ap back
         40 eu,us,ap up",
        expect![[r#"
            0 eu,us,ap control ok: unknown advisory | (ap silent: it has not looked yet); (eu silent: it has not looked yet); (us silent: it has not looked yet);
            0 eu,us,ap up: up | ap up; eu up; us up;
            2 us,ap silent: up | ap up; eu up; us up;
            3 eu down: up | ap up; eu up; us up;
            5 eu control lost: up | ap up; (eu down: cannot reach its control target: connect_timeout); us up;
            14 eu down: unknown advisory | (ap up: cannot be seen: connect_timeout); (eu down: cannot reach its control target: connect_timeout); (us up: cannot be seen: connect_timeout);
            30 eu down: unknown advisory | (ap up: cannot be seen: connect_timeout); (eu down: cannot reach its control target: connect_timeout); (us up: cannot be seen: connect_timeout);
            40 eu control ok: unknown advisory | (ap up: cannot be seen: connect_timeout); (eu down: its last look is 10 s old); (us up: cannot be seen: connect_timeout);
            40 us,ap back: unknown advisory | (ap up: its last look is 40 s old); (eu down: its last look is 10 s old); (us up: its last look is 40 s old);
            40 eu,us,ap up: up | ap up; eu up; us up;
        "#]],
    );
    // Seen from another: it is missed, and the service is still up.
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap up
         2 ap silent
         11 eu,us up
         13 eu,us up
         14 eu down
         14.5 us down
         15 ap back
         15 ap,us,eu up",
        expect![[r#"
            0 eu,us,ap up: up | ap up; eu up; us up;
            2 ap silent: up | ap up; eu up; us up;
            11 eu,us up: up | (ap up: its last look is 11 s old); eu up; us up;
            13 eu,us up: up | (ap up: cannot be seen: connect_timeout); eu up; us up;
            14 eu down: up confirming | (ap up: cannot be seen: connect_timeout); eu down; us up;
            14.5 us down: down | (ap up: cannot be seen: connect_timeout); eu down; us down;
            15 ap back: down | (ap up: its last look is 15 s old); eu down; us down;
            15 ap,us,eu up: up | ap up; eu up; us up;
        "#]],
    );
}

#[test]
fn a_look_that_says_down_counts_only_once_the_control_target_was_reached_after_it() {
    check(
        "2 of 2",
        "eu us",
        "0 eu,us control ok
         0 eu,us up
         2 eu,us down
         2.1 eu control ok
         2.2 us control lost
         3 eu,us down
         3.1 eu,us control ok
         4 eu,us up",
        expect![[r#"
            0 eu,us control ok: unknown advisory | (eu silent: it has not looked yet); (us silent: it has not looked yet);
            0 eu,us up: up | eu up; us up;
            2 eu,us down: up | eu up; us up;
            2.1 eu control ok: up confirming | eu down; us up;
            2.2 us control lost: down advisory | eu down; (us down: cannot reach its control target: connect_timeout);
            3 eu,us down: down advisory | eu down; (us down: cannot reach its control target: connect_timeout);
            3.1 eu,us control ok: down | eu down; us down;
            4 eu,us up: up | eu up; us up;
        "#]],
    );
}

#[test]
fn another_build_region_or_definition_is_told_and_does_not_count() {
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap down
         1 us build 9.9.9
         2 ap region ca
         3 us definition ours",
        expect![[r#"
            0 eu,us,ap down: down | ap down; eu down; us down;
            1 us build 9.9.9: down | ap down; eu down; (us down: its gameday is 9.9.9, ours 0.1.0);
            2 ap region ca: down advisory | (ap down: the prober there looks from ca); eu down; (us down: its gameday is 9.9.9, ours 0.1.0);
            3 us definition ours: down advisory | (ap down: the prober there looks from ca); eu down; (us down: its gameday is 9.9.9, ours 0.1.0);
        "#]],
    );
    check(
        "1 of 3",
        "eu us ap",
        "0 eu,us,ap down
         1 us definition theirs
         2 ap lacks
         3 us definition ours",
        expect![[r#"
            0 eu,us,ap down: down | ap down; eu down; us down;
            1 us definition theirs: down | ap down; eu down; (us down: its definition of this probe is another than ours);
            2 ap lacks: down | (ap down: it has no probe of this name); eu down; (us down: its definition of this probe is another than ours);
            3 us definition ours: down | (ap down: it has no probe of this name); eu down; us down;
        "#]],
    );
}

#[test]
fn the_clock_that_is_off_is_excluded_even_if_it_is_ours() {
    check(
        "2 of 3",
        "eu us ap",
        "0 eu,us,ap up
         1 us clock 0.9
         2 us clock 1.4 0.5
         3 us clock 3600
         4 ap clock 3600.2
         5 us clock -3600
         6 us,ap clock 0",
        expect![[r#"
            0 eu,us,ap up: up | ap up; eu up; us up;
            1 us clock 0.9: up | ap up; eu up; us up;
            2 us clock 1.4 0.5: up | ap up; eu up; us up;
            3 us clock 3600: up | ap up; eu up; (us up: its clock is 3600.000 s ahead (±0.001 s));
            4 ap clock 3600.2: up | ap up; (eu up: its clock is 3600.000 s behind (±0.000 s)); us up;
            5 us clock -3600: up advisory | (ap up: its clock is 3600.200 s ahead (±0.001 s)); eu up; (us up: its clock is 3600.000 s behind (±0.001 s));
            6 us,ap clock 0: up | ap up; eu up; us up;
        "#]],
    );
    // Of two clocks nobody can say which is wrong: each leaves the other out.
    check(
        "2 of 2",
        "eu us",
        "0 eu,us up
         1 us clock -30",
        expect![[r#"
            0 eu,us up: up | eu up; us up;
            1 us clock -30: up advisory | eu up; (us up: its clock is 30.000 s behind (±0.001 s));
        "#]],
    );
}

#[test]
fn silence_and_unknown_are_no_word() {
    check(
        "2 of 2",
        "eu us",
        "0 eu up
         1 us unknown
         2 us up
         8 eu,us unknown
         9 us up
         17 tick",
        expect![[r#"
            0 eu up: up advisory | eu up; (us silent: it has not looked yet);
            1 us unknown: up advisory | eu up; (us unknown: it could not look);
            2 us up: up | eu up; us up;
            8 eu,us unknown: unknown advisory | (eu unknown: it could not look); (us unknown: it could not look);
            9 us up: up advisory | (eu unknown: it could not look); us up;
            17 tick: unknown advisory | (eu unknown: it could not look); (us up: its last look is 8 s old);
        "#]],
    );
}
