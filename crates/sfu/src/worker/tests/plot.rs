//! What a call over an emulated link came to, drawn: `target/bandwidth/NAME.svg`, for `docs/BANDWIDTH.md`.

use std::{fmt::Write as _, fs, path::Path};

/// What went to one subscriber in one step of time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moment {
    /// Bits per second that the link carries; None is without limit.
    pub(super) capacity: Option<u64>,
    /// Bits per second that the way is known to carry; None: nothing is limited.
    pub(super) known: Option<u64>,
    /// Bytes sent: sound, the low and the high layer, filling.
    pub(super) sent: [usize; 4],
    /// Packets of sound and of pictures that never arrived.
    pub(super) lost: usize,
    pub(super) queue_ms: f64,
}

/// Moments in one second.
pub(super) const RESOLUTION: usize = 5;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 880.0;
/// Rates above, the queue below.
const TOP: f64 = 60.0;
const MIDDLE: f64 = 300.0;
const QUEUE_TOP: f64 = 330.0;
const BOTTOM: f64 = 400.0;
const HEIGHT: f64 = 440.0;
const QUEUE_MS: f64 = 400.0;
/// Sound, low layer, high layer, filling.
const COLOURS: [(&str, &str); 4] =
    [("#4c78a8", "sound"), ("#9ecae9", "low layer"), ("#72b07e", "high layer"), ("#e45756", "filling")];

/// Draws the moments, `most` bits per second high.
pub(super) fn write(name: &str, title: &str, moments: &[Moment], most: u64) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bandwidth");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(format!("{name}.svg")), draw(title, moments, most)).unwrap();
}

fn draw(title: &str, moments: &[Moment], most: u64) -> String {
    let x = |at: usize| LEFT + (RIGHT - LEFT) * at as f64 / moments.len() as f64;
    let rate = |bits: f64| MIDDLE - (MIDDLE - TOP) * (bits / most as f64).min(1.0);
    let queue = |ms: f64| BOTTOM - (BOTTOM - QUEUE_TOP) * (ms / QUEUE_MS).min(1.0);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="22" font-size="15">{title}</text>"##
    );
    axes(&mut svg, moments.len() / RESOLUTION, most, &x, &rate, &queue);
    // One on the other, the last first so that the others lie before it.
    for (number, (colour, _)) in COLOURS.iter().enumerate().rev() {
        let bits = |moment: &Moment| {
            moment.sent.iter().take(number + 1).sum::<usize>() as f64 * 8.0 * RESOLUTION as f64
        };
        let mut path = format!("M{LEFT:.1} {MIDDLE:.1}");
        for (at, moment) in moments.iter().enumerate() {
            let _ = write!(path, "V{:.1}H{:.1}", rate(bits(moment)), x(at + 1));
        }
        let _ = writeln!(svg, r#"<path d="{path}V{MIDDLE}Z" fill="{colour}"/>"#);
    }
    line(&mut svg, moments, &x, |moment| moment.capacity.map(|bits| rate(bits as f64)), "#222", "");
    line(&mut svg, moments, &x, |moment| moment.known.map(|bits| rate(bits as f64)), "#b279a2", "6 3");
    line(&mut svg, moments, &x, |moment| Some(queue(moment.queue_ms)), "#f58518", "");
    for (at, moment) in moments.iter().enumerate().filter(|(_, moment)| moment.lost > 0) {
        let height = 3.0 + (moment.lost as f64).sqrt();
        let _ = writeln!(
            svg,
            r##"<rect x="{:.1}" y="{:.1}" width="2" height="{height:.1}" fill="#c00"/>"##,
            x(at),
            BOTTOM + 2.0
        );
    }
    legend(&mut svg);
    svg.push_str("</svg>\n");
    svg
}

fn axes(
    svg: &mut String,
    seconds: usize,
    most: u64,
    x: &dyn Fn(usize) -> f64,
    rate: &dyn Fn(f64) -> f64,
    queue: &dyn Fn(f64) -> f64,
) {
    let mut level = |y: f64, text: &str| {
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="#ddd"/><text x="{:.1}" y="{:.1}" text-anchor="end">{text}</text>"##,
            LEFT - 6.0,
            y + 4.0
        );
    };
    let step = if most > 2_000_000 { 1_000_000 } else { 250_000 };
    for bits in (0..=most).step_by(step) {
        level(rate(bits as f64), &(bits / 1_000).to_string());
    }
    for ms in [0.0, 200.0, 400.0] {
        level(queue(ms), &ms.to_string());
    }
    for second in (0..=seconds).step_by(10) {
        let at = x(second * RESOLUTION);
        let _ = writeln!(svg, r#"<text x="{at:.1}" y="432" text-anchor="middle">{second} s</text>"#);
    }
    let _ = writeln!(svg, r#"<text x="6" y="52">kbit/s</text><text x="6" y="322">queue, ms</text>"#);
}

fn line(
    svg: &mut String,
    moments: &[Moment],
    x: &dyn Fn(usize) -> f64,
    y: impl Fn(&Moment) -> Option<f64>,
    colour: &str,
    dashes: &str,
) {
    let (mut path, mut is_drawing) = (String::new(), false);
    for (at, moment) in moments.iter().enumerate() {
        let Some(y) = y(moment) else {
            is_drawing = false;
            continue;
        };
        let _ = match is_drawing {
            true => write!(path, "V{y:.1}H{:.1}", x(at + 1)),
            false => write!(path, "M{:.1} {y:.1}H{:.1}", x(at), x(at + 1)),
        };
        is_drawing = true;
    }
    let _ = writeln!(
        svg,
        r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dashes}"/>"#
    );
}

fn legend(svg: &mut String) {
    let mut x = LEFT;
    let lines = [("#222", "capacity"), ("#b279a2", "known to fit"), ("#f58518", "queue"), ("#c00", "lost")];
    for (colour, text) in COLOURS.iter().chain(&lines) {
        let _ = writeln!(
            svg,
            r#"<rect x="{x:.0}" y="32" width="10" height="10" fill="{colour}"/><text x="{:.0}" y="41">{text}</text>"#,
            x + 14.0
        );
        x += 30.0 + 7.0 * text.len() as f64;
    }
}
