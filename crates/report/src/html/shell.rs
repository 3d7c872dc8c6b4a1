//! The shell of a page: head with its policy, style, skip link and foot; and [`Outside`], through which text from outside passes.
//!
//! The policy forbids everything but this style, known by its digest (Content Security Policy level 3, `style-src` with a hash): even if some text
//! escaped its escaping, no script would run, no style attribute would apply and nothing would be fetched. A page that moves adds its own script and
//! style to that, by their digests too ([`Moving`]).

use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

use crate::inert::inert;

/// The style of every page. Its digest stands in [`POLICY`].
const STYLE: &str = include_str!("style.css");

/// The digest of [`STYLE`] (SHA-256, base64).
const STYLE_DIGEST: &str = "KeeRGERPiaWrqRBX4a/4GUwpl4vvp/7NlX3lXOqRnvU=";

/// What a page may load: nothing but these styles and scripts.
fn policy(styles: &[&str], scripts: &[&str]) -> String {
    let allowed = |kind: &str, digests: &[&str]| match digests {
        [] => String::new(),
        _ => {
            let digests: Vec<String> = digests
                .iter()
                .map(|one| format!("'sha256-{one}'"))
                .collect();
            format!("; {kind} {}", digests.join(" "))
        }
    };
    format!(
        "default-src 'none'{}{}; base-uri 'none'; form-action 'none'",
        allowed("style-src", styles),
        allowed("script-src", scripts),
    )
}

/// What a page that moves has beside the shell: a style and a script of its own, each with its digest, and the data the script reads.
pub(crate) struct Moving<'a> {
    pub(crate) style: (&'static str, &'static str),
    pub(crate) script: (&'static str, &'static str),
    /// JSON without `<`, `>` and `&`.
    pub(crate) data: &'a str,
}

/// Text from outside: what would act on a reader's eye is shown as escapes and cut, as in the text forms, and then escaped for HTML.
pub(crate) struct Outside<'a>(pub(crate) &'a str);

impl Render for Outside<'_> {
    fn render_to(&self, buffer: &mut String) {
        inert(self.0).render_to(buffer);
    }
}

/// A whole page that runs nothing.
pub(crate) fn page(title: &str, body: &Markup) -> Markup {
    whole(title, body, None)
}

/// A whole page with a script of its own.
pub(crate) fn moving_page(title: &str, body: &Markup, moving: &Moving<'_>) -> Markup {
    whole(title, body, Some(moving))
}

fn whole(title: &str, body: &Markup, moving: Option<&Moving<'_>>) -> Markup {
    let styles: Vec<_> = [(STYLE, STYLE_DIGEST)]
        .into_iter()
        .chain(moving.map(|moving| moving.style))
        .collect();
    let digests: Vec<&str> = styles.iter().map(|(_, digest)| *digest).collect();
    let script = moving.map(|moving| moving.script.1);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(&digests, script.as_slice()));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (Outside(title)) }
                @for (style, _) in &styles { style { (PreEscaped(style)) } }
            }
            body {
                a.skip href="#content" { "Skip to content" }
                main #content tabindex="-1" {
                    h1 { (Outside(title)) }
                    (body)
                }
                footer {
                    p {
                        "Written by offtrail " (env!("CARGO_PKG_VERSION")) ". "
                        @if moving.is_some() { "This page loads nothing and sends nothing." } @else { "This page loads nothing and runs no script." }
                    }
                }
                @if let Some(moving) = moving {
                    script #data type="application/json" { (PreEscaped(moving.data)) }
                    script { (PreEscaped(moving.script.0)) }
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
        assert_eq!(
            STYLE_DIGEST, digest,
            "the style has changed; write the right one into STYLE_DIGEST"
        );
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('<'));
        assert_eq!(
            policy(&["a"], &[]),
            "default-src 'none'; style-src 'sha256-a'; base-uri 'none'; form-action 'none'"
        );
        assert_eq!(
            policy(&["a", "b"], &["c"]),
            "default-src 'none'; style-src 'sha256-a' 'sha256-b'; script-src 'sha256-c'; base-uri 'none'; form-action 'none'"
        );
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
