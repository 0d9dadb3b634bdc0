//! The plot of the petals, as SVG.

use std::error::Error as StdError;
use std::ops::Range;

use lakewright::ErrorKind;
use lakewright::prelude::*;
use plotters::coord::Shift;
use plotters::prelude::DrawingArea;
use plotters::prelude::*;

const SIZE: (u32, u32) = (640, 480);
const LENGTHS: Range<f64> = 0.5..7.5;
const WIDTHS: Range<f64> = 0.0..2.8;

/// Petal length against petal width, one colour per species.
pub(crate) fn petals(flowers: &DataFrame) -> Result<Vec<u8>> {
    let mut svg = String::new();
    let drawn = draw(flowers, &SVGBackend::with_string(&mut svg, SIZE).into_drawing_area());
    drawn.map_err(|error| Error::new(ErrorKind::Value, "the plot cannot be drawn").source(error.to_string()))?;
    Ok(svg.into_bytes())
}

fn draw(flowers: &DataFrame, area: &DrawingArea<SVGBackend<'_>, Shift>) -> std::result::Result<(), Box<dyn StdError>> {
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption("Iris petals", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(44)
        .build_cartesian_2d(LENGTHS, WIDTHS)?;
    chart.configure_mesh().x_desc("length, cm").y_desc("width, cm").draw()?;

    let (length, width) = (flowers.column("petal_length_cm")?.f64()?, flowers.column("petal_width_cm")?.f64()?);
    let species = flowers.column("species")?.str()?;
    let mut names: Vec<&str> = species.iter().flatten().collect();
    names.sort_unstable();
    names.dedup();
    for (index, name) in names.into_iter().enumerate() {
        let colour = Palette99::pick(index).mix(0.7);
        let points = (0..flowers.height())
            .filter(|row| species.get(*row) == Some(name))
            .filter_map(|row| Some(Circle::new((length.get(row)?, width.get(row)?), 4, colour.filled())));
        chart.draw_series(points)?.label(name).legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    area.present()?;
    Ok(())
}
