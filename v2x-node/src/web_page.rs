//! The page of the live map: one file with its style and scripts inside, put together from `v2x-node/web` when the program is built.
//! It loads nothing else, from nowhere.

/// The page that asks `/ws` for what is on the road now.
#[must_use]
pub fn page() -> &'static str {
    LIVE
}

/// The page that asks `/view` for a recorded thing.
#[must_use]
pub fn view_page() -> &'static str {
    VIEW
}

/// The same with a recorded thing inside, which needs no server: `json` is an object with `meta` and `lines`.
#[must_use]
pub fn view_page_with(json: &str) -> String {
    let (before, after) = VIEW.split_once(SCRIPT).expect("the page has one script");
    // In JSON it stands in texts alone, where it may be written so; in a page it could end the script.
    let json = json.replace('<', "\\u003c");
    format!("{before}<script type=\"application/json\" id=\"roadcast-view\">{json}</script>\n{SCRIPT}{after}")
}

macro_rules! page {
    ($feed:literal) => {
        concat!(
            "<!DOCTYPE html>\n<html lang=\"en\" data-feed=\"",
            $feed,
            "\">\n",
            include_str!("../web/head.html"),
            "<style>\n",
            include_str!("../web/style.css"),
            "</style>\n</head>\n",
            include_str!("../web/page.html"),
            "<script>\n\"use strict\";\n{\n",
            include_str!("../web/model.js"),
            include_str!("../web/camera.js"),
            include_str!("../web/draw.js"),
            include_str!("../web/feed.js"),
            include_str!("../web/panels.js"),
            include_str!("../web/main.js"),
            "}\n</script>\n</body>\n</html>\n"
        )
    };
}

const SCRIPT: &str = "<script>\n";
const LIVE: &str = page!("live");
const VIEW: &str = page!("view");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_one_small_file_that_loads_nothing() {
        for page in [page(), view_page()] {
            assert!(page.len() < MOST_BYTES, "{} bytes", page.len());
            for outside in ["src=", "@import", "http://", "https://", "import(", "eval("] {
                let allowed = page.matches("http://www.w3.org/2000/svg").count();
                let found = page.matches(outside).count();
                assert!(found == if outside == "http://" { allowed } else { 0 }, "{outside} is in the page");
            }
            // Texts of peers are put in as texts.
            assert!(!page.contains("innerHTML") && !page.contains("insertAdjacentHTML"));
        }
    }

    #[test]
    fn the_two_pages_differ_in_where_they_get_their_lines() {
        assert!(page().contains("data-feed=\"live\"") && view_page().contains("data-feed=\"view\""));
    }

    const MOST_BYTES: usize = 300_000;
}
