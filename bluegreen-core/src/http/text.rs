//! How what came from outside is written into reports: short, printable, and without what was secret.

use std::time::Duration;

/// How much of a body, or of any other value of the target's, a report quotes, in bytes.
const QUOTED: usize = 200;

/// Shorter words of a secret aren't looked for in answers: they would blank out half of every body.
const SECRET_WORD: usize = 8;

/// What stands where a secret stood.
const HIDDEN: &[u8] = b"***";

/// Words that must not be repeated when a target echoes what it was sent.
#[derive(Default)]
pub(super) struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    /// The words of `values`, each hidden by itself: an answer often quotes a token without its `Bearer`.
    pub(super) fn in_values<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let words = values.flat_map(|value| value.split(u8::is_ascii_whitespace));
        Self(words.filter(|word| word.len() >= SECRET_WORD).map(<[u8]>::to_vec).collect())
    }

    /// The first bytes of `text` without secrets, and whether there was more.
    fn head(&self, text: &[u8]) -> (Vec<u8>, bool) {
        let mut head = Vec::with_capacity(QUOTED);
        let mut rest = text;
        while head.len() < QUOTED {
            if let Some(after) = self.0.iter().find_map(|secret| rest.strip_prefix(secret.as_slice())) {
                head.extend_from_slice(HIDDEN);
                rest = after;
            } else if let Some((byte, after)) = rest.split_first() {
                head.push(*byte);
                rest = after;
            } else {
                break;
            }
        }
        if let (false, Err(error)) = (rest.is_empty(), std::str::from_utf8(&head))
            && error.error_len().is_none()
        {
            // The cut went through a character; what is left of it says nothing.
            head.truncate(error.valid_up_to());
        }
        (head, !rest.is_empty())
    }

    /// `text` in quotes, with everything that doesn't print escaped, and cut.
    pub(super) fn quote(&self, text: &[u8]) -> String {
        let (head, more) = self.head(text);
        format!("{:?}{}", String::from_utf8_lossy(&head), if more { "..." } else { "" })
    }

    /// `text` as it is, for what brings its own quotes, with control characters escaped, and cut.
    pub(super) fn plain(&self, text: &str) -> String {
        let (head, more) = self.head(text.as_bytes());
        let mut plain = String::new();
        for character in String::from_utf8_lossy(&head).chars() {
            if character.is_control() {
                plain.extend(character.escape_debug());
            } else {
                plain.push(character);
            }
        }
        if more {
            plain.push_str("...");
        }
        plain
    }
}

/// A measured time, no more exact than people want it.
pub(super) fn brief(time: Duration) -> String {
    match time.as_millis() {
        millis @ ..1000 => format!("{millis}ms"),
        1000..10_000 => format!("{:.1}s", time.as_secs_f64()),
        _ => format!("{:.0}s", time.as_secs_f64()),
    }
}

/// A URL without the name and the password in it, if there are any. Works on what isn't a good URL, too.
pub(super) fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_short_printable_and_whole() {
        let none = Secrets::default();
        let long = "é".repeat(150);
        for (body, expected) in [
            (&b"boom"[..], r#""boom""#.to_owned()),
            (b"", r#""""#.to_owned()),
            (b"a\n\x1b[31m\"b\"", r#""a\n\u{1b}[31m\"b\"""#.to_owned()),
            (b"\xff\x00\xfe", "\"\u{fffd}\\0\u{fffd}\"".to_owned()),
            (&[b'x'; 200], format!("\"{}\"", "x".repeat(200))),
            (&[b'x'; 201], format!("\"{}\"...", "x".repeat(200))),
            (long.as_bytes(), format!("\"{}\"...", "é".repeat(100))),
            (format!("x{long}").as_bytes(), format!("\"x{}\"...", "é".repeat(99))),
        ] {
            assert_eq!(none.quote(body), expected);
        }
    }

    #[test]
    fn an_echoed_secret_is_hidden_even_where_it_is_cut() {
        let secrets = Secrets::in_values([&b"Bearer hunter2-hunter2"[..], b"1"].into_iter());
        assert_eq!(secrets.quote(b"token hunter2-hunter2 has 1 fault"), r#""token *** has 1 fault""#);
        let late = format!("{}hunter2-hunter2", "x".repeat(195));
        assert!(!secrets.quote(late.as_bytes()).contains("hunter"));
        assert_eq!(secrets.plain("\"hunter2-hunter2\"\u{7}"), "\"***\"\\u{7}");
    }

    #[test]
    fn times_are_as_exact_as_they_are_long() {
        for (millis, expected) in [(0, "0ms"), (340, "340ms"), (1_500, "1.5s"), (29_987, "30s"), (120_400, "120s")] {
            assert_eq!(brief(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn logins_are_taken_out_of_urls() {
        for (url, expected) in [
            ("http://user:pass@host:80/a@b?c@d", "http://host:80/a@b?c@d"),
            ("http://us@er:pa@host", "http://host"),
            ("http://host/x", "http://host/x"),
            ("http://user:pass@ho st/", "http://ho st/"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(without_login(url), expected);
        }
    }
}
