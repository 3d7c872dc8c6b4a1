//! The shell of a page: head with its policy, style, skip link and foot; and [`Outside`], through which text from outside passes.
//!
//! The policy forbids everything but this style, known by its digest (Content Security Policy level 3, `style-src` with a hash): even if some text
//! escaped its escaping, no script would run, no style attribute would apply and nothing would be fetched.

use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

use crate::inert::inert;

/// The style of every page. Its digest stands in [`POLICY`].
const STYLE: &str = include_str!("style.css");

/// What a page may load: nothing but [`STYLE`].
const POLICY: &str = "default-src 'none'; style-src 'sha256-KeeRGERPiaWrqRBX4a/4GUwpl4vvp/7NlX3lXOqRnvU='; base-uri 'none'; form-action 'none'";

/// Text from outside: what would act on a reader's eye is shown as escapes and cut, as in the text forms, and then escaped for HTML.
pub(crate) struct Outside<'a>(pub(crate) &'a str);

impl Render for Outside<'_> {
    fn render_to(&self, buffer: &mut String) {
        inert(self.0).render_to(buffer);
    }
}

/// A whole page.
pub(crate) fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (Outside(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to content" }
                main #content tabindex="-1" {
                    h1 { (Outside(title)) }
                    (body)
                }
                footer {
                    p { "Written by offtrail " (env!("CARGO_PKG_VERSION")) ". This page loads nothing and runs no script." }
                }
            }
        }
    }
}

/// A section with its heading, reachable as `#id`.
pub(crate) fn section(id: &str, title: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (title) }
            (body)
        }
    }
}

/// A table that scrolls by itself where it is wider than the screen; the keyboard can reach it for that.
pub(crate) fn table(caption: &str, heads: &[&str], rows: &Markup) -> Markup {
    html! {
        div.wide role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// A severity: its word, with a mark whose shape and shade repeat it.
pub(crate) fn severity(word: &str) -> Markup {
    html! { span class={ "severity " (word) } { (word) } }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_the_style() {
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        assert!(
            POLICY.contains(&format!("'sha256-{digest}'")),
            "the style has changed; write sha256-{digest} into POLICY"
        );
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('<'));
    }

    #[test]
    fn text_from_outside_does_nothing() {
        let check = |text: &str, expected: &str| {
            assert_eq!(html! { (Outside(text)) }.into_string(), expected);
        };
        check("ci-deploy", "ci-deploy");
        check(
            "<script>run()</script>",
            "&lt;script&gt;run()&lt;/script&gt;",
        );
        check("\" onload=\"x", "&quot; onload=&quot;x");
        check("a\u{202e}b\u{1b}[2J", "a\\u{202e}b\\u{1b}[2J");
    }
}
