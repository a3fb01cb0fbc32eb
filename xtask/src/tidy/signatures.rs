//! Public functions that no one can call without looking them up: a bare `true` among the arguments, or too many.

/// Arguments of a public function, `self` aside.
const MOST: usize = 5;

/// What is wrong in a file's public functions, `:LINE: …` each.
pub(super) fn check(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, start) in text.match_indices("pub fn ").chain(text.match_indices("pub const fn ")) {
        let (line, text) = (text[..at].matches('\n').count() + 1, text[at + start.len()..].replace("->", ""));
        let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let arguments = arguments(&text[name.len()..]);
        if arguments.len() > MOST {
            wrong.push(format!(":{line}: expected {MOST} arguments of {name} at most, got {}", arguments.len()));
        }
        if arguments.iter().any(|a| a.ends_with(": bool")) {
            wrong.push(format!(":{line}: expected an enum or a struct in {name}, got a bool"));
        }
    }
    wrong
}

/// The arguments of `<T: Fn(A, B)>(a: X, b: (Y, Z)) …`, without `self`.
fn arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut all) = (0, None, Vec::new());
    for (at, c) in text.char_indices() {
        depth += i32::from("(<[".contains(c)) - i32::from(")>]".contains(c));
        match (c, depth, from) {
            ('(', 1, None) => from = Some(at + 1),
            (',', 1, Some(start)) | (')', 0, Some(start)) => {
                all.push(text[start..at].trim());
                from = Some(at + 1);
            }
            _ => {}
        }
        if c == ')' && depth == 0 {
            break;
        }
    }
    all.retain(|a| !a.is_empty() && !a.ends_with("self"));
    all
}
