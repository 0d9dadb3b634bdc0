//! What changes the hash of an asset's code, and what does not.

use crate::args::{Args, On};
use crate::ast::Item;
use crate::diagnose::Errors;

use super::{expansion, parse};

const PLAIN: &str = "fn total(readings: Vec<f64>, unit: &str) -> f64 { let sum = add(readings, 0.0); print!(\"{sum}\"); sum }";

/// The hash in the expansion's own item, after the parameters' attributes of ours have been taken.
fn hash(item: &str) -> String {
    let mut errors = Errors::default();
    let item = Item::parse(On::Asset, &parse(item)).unwrap();
    let Ok(asset) = crate::valid::validate(On::Asset, Args::default(), item, &mut errors) else { panic!("an asset") };
    crate::code_hash::code_hash(&asset.item).unwrap()
}

/// The hash of a function with this body.
fn body(body: &str) -> String {
    hash(&format!("fn a() -> i64 {{ {body} }}"))
}

#[test]
fn it_is_the_same_for_ever() {
    // These are in logs: a change makes every asset look as if its code had changed.
    assert_eq!(hash(PLAIN), "a7b96794197889bec1512cc930b5c557");
    assert_eq!(
        body("r#match::<'static, _>(&&x[..], b\"\\x00\", 'c', 0x1_Fu8) >>= |y| { -1.5e3 };"),
        "809074fd7175cf743f9faf63405ad137"
    );
    // The compiler's own tokens of this one have the same hash, in the tests of the runtime.
    let shared = "fn shifted(moved: &Point) -> Vec<Vec<i64>> {
        let label: &'static str = \"a\\n\";
        let keep = |x: &&i64| **x != 0x1F || moved.x << 1 >= -2 && label.len() > 1;
        [1_i64, 2].iter().filter(keep).map(|x| vec![*x, i64::from(b'a')]).collect::<Vec<Vec<i64>>>()
    }";
    assert_eq!(hash(shared), "1b71ceb26e89f50a4df69a685afb8891");
}

#[test]
fn layout_docs_attributes_and_visibility_do_not_change_it() {
    let same = [
        "fn total ( readings:Vec<f64>,unit:&str )->f64{let sum=add(readings,0.0);print!(\"{sum}\");sum}",
        "fn total(\n    readings: Vec<f64>,\n    unit: &str,\n) -> f64 {\n    // Added up.\n    let sum = add(\n        readings, /* all */\n        0.0,\n    );\n    print!(\"{sum}\");\n    sum\n}",
        "/// Adds up.\npub(crate) fn total(readings: Vec<f64>, unit: &str) -> f64 { let sum = add(readings, 0.0); print!(\"{sum}\"); sum }",
        "#[cfg(unix)] #[must_use] pub fn total(#[input(from = a::b, columns = [\"x\"])] readings: Vec<f64>, #[allow(unused)] unit: &str) -> f64 { let sum = add(readings, 0.0); print!(\"{sum}\"); sum }",
        "fn total(readings: Vec<f64>, unit: &str) -> f64 { //! Adds up.\n let sum = add(readings, 0.0); print!(\"{sum}\"); sum }",
        "fn total(readings: Vec<f64>, unit: &str) -> f64 { #![doc = \"Adds up.\"] let sum = add(readings, 0.0); print!(\"{sum}\"); sum }",
    ];
    for item in same {
        assert_eq!(hash(item), hash(PLAIN), "{item}");
    }
    let same = [
        ("x=-1", "x = - 1"),
        ("a&&b", "a && b"),
        ("[1, 2]", "[1, 2,]"),
        ("f(x)", "f(x,)"),
        ("(1, 2)", "(1, 2,)"),
        ("T { x, y: 1 }", "T {\n x,\n y: 1,\n }"),
        ("f::<A, B>()", "f::<A, B,>()"),
        ("let x: Vec<Vec<u8>>= y;", "let x: Vec<Vec<u8> > = y;"),
        ("struct A { b: u8 }", "/// A thing.\nstruct A {\n /** A field. */ b: u8 }"),
    ];
    for (one, other) in same {
        assert_eq!(body(one), body(other), "{one} and {other}");
    }
}

#[test]
fn every_token_changes_it() {
    let changed = [
        PLAIN.replacen("total", "sum", 1),
        PLAIN.replacen("readings", "reading", 1),
        PLAIN.replace("f64>", "f32>"),
        PLAIN.replace("&str", "&String"),
        PLAIN.replace("&str)", "& &str)"),
        PLAIN.replace("-> f64", "-> f32"),
        PLAIN.replace("fn", "async fn"),
        PLAIN.replace("0.0", "0.00"),
        PLAIN.replace("\"{sum}\"", "\"{sum} \""),
        PLAIN.replace("print!", "eprint!"),
        PLAIN.replace("; sum }", "; sum; }"),
        PLAIN.replace("let sum", "let mut sum"),
        PLAIN.replace("let sum", "#[cfg(unix)] let sum"),
        PLAIN.replace("unit: &str", "mut unit: &str"),
    ];
    let mut seen = vec![hash(PLAIN)];
    for item in changed {
        let hash = hash(&item);
        assert!(!seen.contains(&hash), "{item}");
        seen.push(hash);
    }
    let different = [
        ("a && b", "a & &b"),
        ("a || b", "a | |b| b"),
        ("a << b", "a < <b>::C"),
        ("(1,)", "(1)"),
        ("return (1,)", "return (1)"),
        ("match (x,) {}", "match (x) {}"),
        ("f((1,))", "f((1))"),
        ("f(x, y)", "f(x)"),
        ("[x]", "(x)"),
        ("a b", "ab"),
        ("\"a\"", "a"),
        ("'a'", "\"a\""),
        ("#[doc(hidden)] f()", "f()"),
        ("x[0]", "x[00]"),
        ("{ a } b", "{ a b }"),
    ];
    for (one, other) in different {
        assert_ne!(body(one), body(other), "{one} and {other}");
    }
}

#[test]
fn options_do_not_change_it_and_an_external_asset_has_none() {
    let plain = "fn a() -> i64 { 1 }";
    let line = format!("code_hash: ::core::option::Option::Some(\"{}\")", hash(plain));
    for options in ["", "group = \"x\", code_version = \"2\", retries = 3"] {
        assert!(expansion(On::Asset, options, plain).contains(&line), "{options}");
    }
    assert!(!expansion(On::External, "", "fn a() -> i64;").contains("code_hash"));
}

/// Compilers differ in where they put the groups that nobody sees.
#[test]
fn fragments_of_macros_are_what_they_stand_for() {
    use proc_macro2::{Delimiter, Group, TokenTree};
    let of = |value: proc_macro2::TokenStream| {
        let item = quote::quote!(fn a() -> i64 { f(#value, 2) });
        crate::code_hash::code_hash(&Item::parse(On::Asset, &item).unwrap()).unwrap()
    };
    let invisible = TokenTree::from(Group::new(Delimiter::None, parse("1 + x"))).into();
    assert_eq!(of(invisible), of(parse("1 + x")));
    assert_eq!(of(parse("1 + x")), body("f(1 + x, 2)"));
}
