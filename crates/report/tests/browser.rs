//! The page in a browser.

mod chromium;
mod common;

use gearshift_testing::needs;
use std::sync::OnceLock;

use chromium::{Browser, Pressed, Scheme, Seen};
use gearshift_report::html;

/// Widths of the pictures, pixels: a desktop and a phone.
const DESKTOP: u32 = 1280;
const PHONE: u32 = 390;

struct Page {
    name: &'static str,
    html: String,
}

fn pages() -> [Page; 2] {
    let page = |name, results| Page { name, html: html(&results).unwrap() };
    [page("report", common::many_rows()), page("swept", common::swept())]
}

/// Both pages as seen on a desktop and on a phone, looked at once for all tests.
fn seen() -> &'static [(&'static str, u32, Seen)] {
    static SEEN: OnceLock<Vec<(&'static str, u32, Seen)>> = OnceLock::new();
    SEEN.get_or_init(|| {
        let browser = Browser::find();
        let look = |page: Page| {
            [DESKTOP, PHONE]
                .map(|width| (page.name, width, browser.look(page.name, &page.html, width)))
        };
        pages().into_iter().flat_map(look).collect()
    })
}

#[test]
fn screenshots_of_the_report_on_a_desktop_on_a_phone_and_in_the_dark() {
    needs!("chromium");
    let browser = Browser::find();
    for Page { name, html } in pages() {
        let high = |of| {
            seen()
                .iter()
                .find(|(page, width, _)| (*page, *width) == (name, of))
                .unwrap()
                .2
                .scroll_height
        };
        let shoot = |view, width, scheme| {
            browser.screenshot(&format!("{name}-{view}"), &html, (width, high(width)), scheme)
        };
        let light = shoot("desktop", DESKTOP, Scheme::Light);
        let dark = shoot("dark", DESKTOP, Scheme::Dark);
        let phone = shoot("phone", PHONE, Scheme::Light);
        for picture in [&light, &dark, &phone] {
            assert!(picture.colours() > 200, "{name}: {} colours", picture.colours());
            assert!(picture.inked() > 0.02, "{name}: {} of it is ground", 1.0 - picture.inked());
        }
        assert!(light.ground() > 240, "light: {}", light.ground());
        assert!(dark.ground() < 50, "dark: {}", dark.ground());
        assert_eq!((light.width, phone.width), (DESKTOP, PHONE));
    }
}

#[test]
fn nothing_scrolls_sideways_and_no_text_of_a_picture_is_cut_off_or_covered() {
    needs!("chromium");
    for (name, width, seen) in seen() {
        assert!(seen.scroll_width <= *width, "{name}: {} of {width}", seen.scroll_width);
        assert_eq!(seen.clipped, Vec::<String>::new(), "{name} at {width}: cut off");
        assert_eq!(seen.overlapping, Vec::<String>::new(), "{name} at {width}: cover each other");
    }
}

#[test]
fn every_chart_has_a_text_alternative() {
    needs!("chromium");
    for (name, _, seen) in seen() {
        assert!(seen.charts >= 10, "{name}: {} charts", seen.charts);
        assert_eq!(seen.nameless, Vec::<String>::new(), "{name}: charts without words");
    }
}

#[test]
fn the_buttons_copy_or_save_what_they_say() {
    needs!("chromium");
    let browser = Browser::find();
    let page = html(&common::many_rows()).unwrap();
    let pressed = browser.press_all("refused", &page, false);
    let saved = |Pressed(how, ending, size, shown): &Pressed| {
        assert_eq!((how.as_str(), shown.as_str()), ("saved", "saved"), "{ending}");
        assert!(*size > 300, "{ending}: {size}");
        ending.clone()
    };
    let endings: Vec<String> = pressed.iter().map(saved).collect();
    assert_eq!(endings, ["png", "svg", "md", "png", "svg", "md", "txt"], "copying is refused");
    let pressed = browser.press_all("granted", &page, true);
    let copied = pressed.iter().filter(|pressed| pressed.3 == "copied");
    let begins: Vec<&str> = copied.map(|pressed| pressed.1.as_str()).collect();
    assert_eq!(begins.len(), 4, "{begins:?}");
    let wanted = ["image/png", "chart wide", "# hits: every gear", "run        7f3a"];
    for (begins, wanted) in begins.iter().zip(wanted) {
        assert!(begins.contains(wanted), "{begins}");
    }
}

#[test]
fn no_console_error() {
    needs!("chromium");
    for (name, _, seen) in seen() {
        assert_eq!(seen.console, Vec::<String>::new(), "{name}");
    }
    let broken = html(&common::swept()).unwrap().replace("(() => {", "(() => { missing();");
    let seen = Browser::find().look("broken", &broken, DESKTOP);
    assert!(!seen.console.is_empty(), "an error is seen where there is one");
}

#[test]
fn no_request_to_the_outside() {
    needs!("chromium");
    for (name, _, seen) in seen() {
        assert_eq!(seen.requests, Vec::<String>::new(), "{name}");
    }
    // The same page with one picture from elsewhere, and allowed to ask for it.
    let image = "<main><img alt=\"\" src=\"http://outside.test/x.png\">";
    let asking = html(&common::swept()).unwrap().replace("<main>", image);
    let asking = asking.replace("img-src data: blob:", "img-src *");
    let seen = Browser::find().look("asking", &asking, DESKTOP);
    assert!(seen.requests.iter().any(|r| r.contains("outside.test")), "{:?}", seen.requests);
}
