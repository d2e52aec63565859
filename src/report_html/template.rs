//! The page's own text: markup, style and script, with the data put in.
//!
//! The script and the style are named by their sums in the page's policy, so that nothing else in
//! it is run, and nothing is fetched, whatever a symbol or a reason may be called.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

/// What every page begins and ends with; the policy is in the first.
const HEAD: &str = include_str!("head.html");
const FOOT: &str = include_str!("foot.html");

/// What the report has between them.
const MARKUP: &str = include_str!("report.html");

/// The style, in the order in which later rules win.
pub(crate) const STYLE: [&str; 2] = [include_str!("base.css"), include_str!("charts.css")];

/// What the page of the report and pages like it have in common: one function's beginning, whose
/// parts use the parts before them.
pub(crate) const COMMON_SCRIPT: [&str; 6] = [
    include_str!("base.js"),
    include_str!("time.js"),
    include_str!("lists.js"),
    include_str!("strips.js"),
    include_str!("calendar.js"),
    include_str!("chart.js"),
];

/// The rest of the report's script.
const SCRIPT: [&str; 4] = [
    include_str!("tables.js"),
    include_str!("coverage.js"),
    include_str!("candles.js"),
    include_str!("main.js"),
];

/// What a page is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    /// What kind of page it is, such as `lakehouse report`.
    pub(crate) name: &'a str,
    /// What it shows: the rest of its header, and what is in its `main`.
    pub(crate) markup: &'a str,
    /// In the order in which later rules win.
    pub(crate) style: &'a [&'a str],
    /// One function, whose parts use the parts before them.
    pub(crate) script: &'a [&'a str],
    /// What the page may do besides showing itself, as directives of its policy.
    pub(crate) allowed: &'a str,
}

/// Puts data (JSON) and a title into the page of the report.
pub(super) fn fill(location: &str, json: &str) -> String {
    let script = [&COMMON_SCRIPT[..], &SCRIPT].concat();
    let name = "lakehouse report";
    let parts = Parts { name, markup: MARKUP, style: &STYLE, script: &script, allowed: "" };
    fill_parts(parts, location, json)
}

/// Puts data (JSON) and a title into a page.
pub(crate) fn fill_parts(parts: Parts<'_>, location: &str, json: &str) -> String {
    let style = parts.style.concat();
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", parts.script.concat());
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'{}",
        BASE64_STANDARD.encode(Sha256::digest(&style)),
        BASE64_STANDARD.encode(Sha256::digest(&script)),
        parts.allowed
    );
    let values = [
        ("policy", policy.as_str()),
        ("name", parts.name),
        ("title", &escape_markup(location)),
        ("style", &style),
        ("data", &escape_json(json)),
        ("script", &script),
    ];
    let markup = [HEAD, parts.markup, FOOT].concat();
    let mut page =
        String::with_capacity(markup.len() + style.len() + script.len() + json.len() * 11 / 10);
    let mut rest = markup.as_str();
    // What was put in is never looked at again.
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        page.push_str(
            values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value),
        );
        rest = after;
    }
    page.push_str(rest);
    page
}

fn escape_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Escapes JSON so that it cannot end the element that contains it; these characters occur only
/// in strings.
fn escape_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for sign in json.chars() {
        match sign {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(sign)));
            }
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_data_can_become_markup() {
        let json = serde_json::to_string("</script><!-- & \u{2028}").unwrap();
        let page = fill("<b>\"a\" & b</b>", &json);
        assert!(page.contains("\\u003c/script\\u003e\\u003c!-- \\u0026 \\u2028"));
        assert!(page.contains("&lt;b&gt;&quot;a&quot; &amp; b&lt;/b&gt;"));
        assert!(!page.contains("</script><!--") && !page.contains("{{"));
        assert_eq!(page.matches("</script>").count(), 2);
    }
}
