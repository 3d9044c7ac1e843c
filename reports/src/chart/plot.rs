//! The frame every chart stands in: bands behind, grid, axes, lines, marks, and the numbers of the faults above.

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text, TriangleMarker};
use plotters::style::{Color, IntoFont, ShapeStyle, TextStyle};

use super::axis::Axis;
use super::faults::Band;
use super::ink::{Ink, with_classes};
use super::line::{Line, Mark, Point, thin};
use super::{Drawing, Error};

type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
type Root<'b> = DrawingArea<SVGBackend<'b>, Shift>;

/// Letters; plotters divides by 1.24, so this comes out as 12 pixels.
const LETTERS: f64 = 12.0 * 1.24;
/// Room above for the numbers of faults.
const HEAD: u32 = 18;

/// How large a drawing is, in pixels at its natural size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    /// For windows of a desk.
    pub(crate) const fn wide(height: u32) -> Self {
        Self { width: 960, height }
    }

    /// For windows of a telephone.
    pub(crate) const fn narrow(height: u32) -> Self {
        Self { width: 380, height }
    }

    pub(crate) const fn is_narrow(self) -> bool {
        self.width < 600
    }

    /// Most steps of a time axis.
    pub(crate) const fn time_ticks(self) -> usize {
        if self.is_narrow() { 4 } else { 10 }
    }

    /// Groups that a line is thinned to: about one for two pixels.
    const fn groups(self) -> usize {
        (self.width / 4) as usize
    }
}

/// A drawing to be made.
#[derive(Debug)]
pub(crate) struct Plot<'a> {
    pub(crate) size: Size,
    pub(crate) x: &'a Axis,
    pub(crate) y: &'a Axis,
    pub(crate) outside: &'a [(f64, f64)],
    pub(crate) bands: &'a [Band],
    pub(crate) lines: &'a [Line],
    pub(crate) marks: &'a [Mark],
    /// A limit across the chart.
    pub(crate) level: Option<f64>,
}

impl Plot<'_> {
    /// Draws it.
    pub(crate) fn draw(&self) -> Result<Drawing, Error> {
        let mut svg = String::new();
        {
            let root =
                SVGBackend::with_string(&mut svg, (self.size.width, self.size.height)).into_drawing_area();
            let mut chart = ChartBuilder::on(&root)
                .margin_top(if self.bands.is_empty() { 8 } else { HEAD })
                .margin_right(24)
                .x_label_area_size(24)
                .y_label_area_size(self.y.label_width() + 12)
                .build_cartesian_2d(self.x.clone(), self.y.clone())?;
            Self::mesh(&mut chart)?;
            self.behind(&mut chart)?;
            for line in self.lines {
                self.line(&mut chart, line)?;
            }
            self.above(&mut chart)?;
            self.numbers(&root, &chart)?;
            root.present()?;
        }
        Ok(Drawing {
            width: self.size.width,
            height: self.size.height,
            body: with_classes(&svg),
        })
    }

    fn mesh(chart: &mut Context) -> Result<(), Error> {
        chart
            .configure_mesh()
            .axis_style(Ink::Axis.color())
            .bold_line_style(Ink::Grid.color())
            .light_line_style(Ink::Grid.color().mix(0.0))
            .disable_x_mesh()
            .label_style(letters())
            .set_all_tick_mark_size(4)
            .draw()?;
        Ok(())
    }

    /// What was not measured, and the windows of the faults.
    fn behind(&self, chart: &mut Context) -> Result<(), Error> {
        let bottom = self.y.from;
        let top = self.y.to;
        let filled = |ink: Ink, from: f64, to: f64| {
            let from = self.x.place(from)?;
            let to = self.x.place(to)?;
            (from < to).then(|| Rectangle::new([(from, bottom), (to, top)], ink.color().filled()))
        };
        chart.draw_series(
            self.outside
                .iter()
                .filter_map(|(from, to)| filled(Ink::Outside, *from, *to)),
        )?;
        chart.draw_series(self.bands.iter().filter_map(|band| {
            let (from, to) = band.felt?;
            filled(band.ink(), from, to)
        }))?;
        let upright = |ink: Ink, at: f64| {
            let at = self.x.place(at)?;
            Some(PathElement::new([(at, bottom), (at, top)], stroke(ink)))
        };
        chart.draw_series(self.bands.iter().flat_map(|band| {
            let asked = upright(Ink::Asked, band.asked);
            let edges = band.edges.iter().filter_map(|at| upright(Ink::Edge, *at));
            asked.into_iter().chain(edges).collect::<Vec<_>>()
        }))?;
        Ok(())
    }

    fn line(&self, chart: &mut Context, line: &Line) -> Result<(), Error> {
        let points = thin(&line.points, self.size.groups());
        let points = if line.steps { stairs(&points) } else { points };
        let placed = |point: &Point| Some((self.x.place(point.0)?, self.y.place(point.1?)?));
        let runs: Vec<Vec<(f64, f64)>> = points
            .split(|point| placed(point).is_none())
            .map(|run| run.iter().filter_map(placed).collect())
            .collect();
        // A point between two gaps has no length, so it would not be seen as a line.
        let lone = |run: &&Vec<(f64, f64)>| run.len() == 1;
        chart.draw_series(
            runs.iter()
                .filter(lone)
                .map(|run| Circle::new(run[0], 2, line.ink.color().filled())),
        )?;
        chart.draw_series(
            runs.iter()
                .filter(|run| run.len() > 1)
                .map(|run| PathElement::new(run.clone(), stroke(line.ink))),
        )?;
        Ok(())
    }

    /// The limit and the marks, over the lines.
    fn above(&self, chart: &mut Context) -> Result<(), Error> {
        if let Some(level) = self.level.and_then(|level| self.y.place(level)) {
            let across = [(self.x.from, level), (self.x.to, level)];
            chart.draw_series([PathElement::new(across, stroke(Ink::Bound))])?;
        }
        let place = |mark: &Mark| Some((self.x.place(mark.at)?, self.y.place(mark.value)?));
        let of = |ink: Ink| {
            self.marks
                .iter()
                .filter(move |mark| mark.ink == ink)
                .filter_map(place)
        };
        chart.draw_series(
            of(Ink::Decision).map(|at| TriangleMarker::new(at, 5, Ink::Decision.color().filled())),
        )?;
        chart.draw_series(of(Ink::Ready).map(|at| Circle::new(at, 3, Ink::Ready.color().filled())))?;
        Ok(())
    }

    /// The numbers of the faults, side by side where their windows touch; those without room are in the ledger.
    fn numbers(&self, root: &Root, chart: &Context) -> Result<(), Error> {
        let mut free = 0;
        for band in self.bands {
            let Some(at) = self.x.place(band.start()) else {
                continue;
            };
            let (x, _) = chart.backend_coord(&(at, self.y.to));
            let x = x.max(free);
            let width = band.label.len() as i32 * 8;
            if x + width > self.size.width as i32 {
                break;
            }
            free = x + width + 4;
            root.draw(&Text::new(band.label.clone(), (x, 2), letters()))?;
        }
        Ok(())
    }
}

pub(super) fn letters() -> TextStyle<'static> {
    ("sans-serif", LETTERS).into_font().color(&Ink::Text.color())
}

pub(super) fn stroke(ink: Ink) -> ShapeStyle {
    ink.color().stroke_width(1)
}

/// The corners of a line whose values hold until the next.
fn stairs(points: &[Point]) -> Vec<Point> {
    let mut corners = Vec::with_capacity(points.len() * 2);
    let mut held = None;
    for (at, value) in points {
        if held.is_some() && held != *value {
            corners.push((*at, held));
        }
        corners.push((*at, *value));
        held = *value;
    }
    corners
}
