use std::fmt::Write as _;

/// Panels, one below the other, over one axis of time.
pub struct Chart {
    pub title: String,
    pub panels: Vec<Panel>,
}

/// Some series over time.
pub struct Panel {
    title: String,
    unit: &'static str,
    series: Vec<Series>,
}

/// Points: seconds and values.
pub struct Series {
    name: String,
    bars: bool,
    points: Vec<(f64, f64)>,
}

impl Series {
    pub fn line(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            bars: false,
            points,
        }
    }

    pub fn bars(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            bars: true,
            ..Self::line(name, points)
        }
    }
}

const WIDTH: f64 = 1000.0;
const HEADER: f64 = 40.0;
const PANEL: f64 = 190.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 16.0;
/// Room in a panel for its title above, and for the numbers of the axis below.
const ABOVE: f64 = 26.0;
const BELOW: f64 = 26.0;

/// Told apart by people who see few colours, too.
const COLOURS: [&str; 6] = [
    "#0072b2", "#e69f00", "#cc3311", "#009e73", "#9467bd", "#555555",
];

impl Panel {
    pub fn new(title: &str, unit: &'static str, series: Vec<Series>) -> Self {
        Self {
            title: title.to_owned(),
            unit,
            series,
        }
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.series
            .iter()
            .flat_map(|series| series.points.iter().copied())
    }

    fn draw(&self, top: f64, time: &Axis, svg: &mut String) {
        let bottom = top + PANEL - BELOW;
        let value = Axis::over(self.points().map(|(_, value)| value).chain([0.0]), 4);
        let y = |v: f64| bottom - value.part(v) * (PANEL - ABOVE - BELOW);
        let x = |t: f64| LEFT + time.part(t) * (WIDTH - LEFT - RIGHT);
        text(svg, LEFT, top + 16.0, "start", "t", &self.title);
        for tick in value.ticks() {
            line(svg, (LEFT, y(tick)), (WIDTH - RIGHT, y(tick)), "g");
            text(
                svg,
                LEFT - 6.0,
                y(tick) + 4.0,
                "end",
                "n",
                &value.label(tick),
            );
        }
        text(svg, 8.0, top + 16.0, "start", "n", self.unit);
        for tick in time.ticks() {
            line(svg, (x(tick), top + ABOVE), (x(tick), bottom), "g");
            text(
                svg,
                x(tick),
                bottom + 15.0,
                "middle",
                "n",
                &format!("{} s", time.label(tick)),
            );
        }
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            if series.points.is_empty() {
                continue;
            }
            let mut path = String::new();
            for (n, (t, v)) in series.points.iter().enumerate() {
                let _ = if series.bars {
                    write!(path, "M{:.1} {:.1}V{:.1}", x(*t), y(0.0), y(*v))
                } else {
                    write!(
                        path,
                        "{}{:.1} {:.1}",
                        if n == 0 { 'M' } else { 'L' },
                        x(*t),
                        y(*v)
                    )
                };
            }
            let _ = writeln!(
                svg,
                r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.3"/>"#
            );
        }
        let mut at = WIDTH - RIGHT;
        for (series, colour) in self
            .series
            .iter()
            .zip(COLOURS.iter().cycle())
            .rev_by_len(self.series.len())
        {
            at -= 7.0 * series.name.len() as f64;
            text(svg, at, top + 16.0, "start", "n", &series.name);
            let _ = writeln!(
                svg,
                r#"<rect x="{:.1}" y="{:.1}" width="10" height="10" fill="{colour}"/>"#,
                at - 14.0,
                top + 7.0
            );
            at -= 28.0;
        }
    }
}

/// The first `len` of an iterator, the last first.
trait RevByLen: Iterator + Sized {
    fn rev_by_len(self, len: usize) -> std::iter::Rev<std::vec::IntoIter<Self::Item>> {
        self.take(len).collect::<Vec<_>>().into_iter().rev()
    }
}

impl<I: Iterator> RevByLen for I {}

impl Chart {
    pub fn to_svg(&self) -> String {
        let time = Axis::over(
            self.panels
                .iter()
                .flat_map(Panel::points)
                .map(|(time, _)| time),
            10,
        );
        let height = HEADER + PANEL * self.panels.len() as f64;
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">
<style>text{{font-family:Ubuntu,sans-serif;fill:#222}}.h{{font-size:17px;font-weight:600}}.t{{font-size:13px;font-weight:600}}.n{{font-size:11px;fill:#555}}.g{{stroke:#ddd}}</style>
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
"##
        );
        text(&mut svg, 8.0, 25.0, "start", "h", &self.title);
        for (n, panel) in self.panels.iter().enumerate() {
            panel.draw(HEADER + PANEL * n as f64, &time, &mut svg);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// A range with round numbers in it.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, ticks: u32) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            (low, high) = (low.min(value), high.max(value));
        }
        if !low.is_finite() || !high.is_finite() {
            (low, high) = (0.0, 1.0);
        }
        if high - low < 1e-9 {
            high = low + 1.0;
        }
        let rough = (high - low) / f64::from(ticks);
        let power = 10_f64.powf(rough.log10().floor());
        let factors = [1.0, 2.0, 5.0, 10.0].into_iter();
        let step = factors
            .map(|factor| factor * power)
            .find(|step| *step >= rough);
        Self {
            low,
            high,
            step: step.unwrap_or(rough),
        }
    }

    fn part(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let first = (self.low / self.step).ceil() as i64;
        let last = (self.high / self.step).floor() as i64;
        (first..=last).map(|n| n as f64 * self.step)
    }

    fn label(&self, value: f64) -> String {
        let decimals = (-self.step.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{escaped}</text>"#
    );
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), class: &str) {
    let _ = writeln!(
        svg,
        r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" class="{class}"/>"#,
        from.0, from.1, to.0, to.1
    );
}
