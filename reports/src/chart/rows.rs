//! Charts of named rows: an estimate with its interval, or a bar of stages, one row per arm.

use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::style::Color;

use super::axis::Axis;
use super::ink::{Ink, with_classes};
use super::plot::{letters, stroke};
use super::{Drawing, Error, Panel, Size};

/// Pixels of one row.
const ROW: u32 = 26;
/// Pixels below and around the rows.
const FRAME: u32 = 44;
/// Letters of a name, where there is room and where there is not.
const NAMES: [usize; 2] = [28, 14];

/// One row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// A line from one value to another, with the dot on it.
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) dots: Vec<(f64, Ink)>,
    /// Bars side by side.
    pub(crate) bars: Vec<(f64, f64, Ink)>,
}

/// Rows over one axis.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) rows: &'a [Row],
    /// The axis for a wide and for a narrow window.
    pub(crate) x: [&'a Axis; 2],
    /// Shaded from one value to another.
    pub(crate) shaded: Option<(f64, f64)>,
    /// A line from top to bottom.
    pub(crate) upright: Option<f64>,
}

impl Rows<'_> {
    /// Draws them in both sizes.
    pub(crate) fn panel(&self, label: &str) -> Result<Panel, Error> {
        let height = self.rows.len() as u32 * ROW + FRAME;
        Ok(Panel {
            label: label.to_owned(),
            wide: self.draw(Size::wide(height))?,
            narrow: self.draw(Size::narrow(height))?,
        })
    }

    fn draw(&self, size: Size) -> Result<Drawing, Error> {
        let narrow = usize::from(size.is_narrow());
        let x = self.x[narrow];
        let cut = |row: &Row| super::cut(&row.name, NAMES[narrow]);
        let y = Axis::names(self.rows.iter().map(cut));
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
            let mut chart = ChartBuilder::on(&root)
                .margin_top(8)
                .margin_right(24)
                .x_label_area_size(24)
                .y_label_area_size(y.label_width() + 12)
                .build_cartesian_2d(x.clone(), y.clone())?;
            chart
                .configure_mesh()
                .axis_style(Ink::Axis.color())
                .bold_line_style(Ink::Grid.color())
                .light_line_style(Ink::Grid.color().mix(0.0))
                .disable_y_mesh()
                .label_style(letters())
                .set_all_tick_mark_size(4)
                .draw()?;
            let shaded = self.shaded.and_then(|(from, to)| x.place(from).zip(x.place(to)));
            chart.draw_series(shaded.map(|(from, to)| {
                Rectangle::new([(from, y.from), (to, y.to)], Ink::Outside.color().filled())
            }))?;
            let upright = self.upright.and_then(|at| x.place(at));
            chart.draw_series(
                upright.map(|at| PathElement::new([(at, y.from), (at, y.to)], stroke(Ink::Edge))),
            )?;
            for (place, row) in y.places().zip(self.rows) {
                chart.draw_series(row.bars.iter().filter_map(|(from, to, ink)| {
                    let (from, to) = (x.place(*from)?, x.place(*to)?);
                    Some(Rectangle::new(
                        [(from, place - 0.3), (to, place + 0.3)],
                        ink.color().filled(),
                    ))
                }))?;
                let line = row
                    .interval
                    .and_then(|(low, high)| x.place(low).zip(x.place(high)));
                chart.draw_series(line.into_iter().flat_map(|(low, high)| {
                    let ends = [low, high].map(|end| [(end, place - 0.2), (end, place + 0.2)]);
                    [[(low, place), (high, place)], ends[0], ends[1]]
                        .map(|path| PathElement::new(path, stroke(Ink::Series(5))))
                }))?;
                chart.draw_series(row.dots.iter().filter_map(|(at, ink)| {
                    Some(Circle::new((x.place(*at)?, place), 4, ink.color().filled()))
                }))?;
            }
            root.present()?;
        }
        Ok(Drawing {
            width: size.width,
            height: size.height,
            body: with_classes(&svg),
        })
    }
}
