//! QR codes: as a PNG for clients, as one SVG path for our own pages, which load nothing.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

/// Modules of silence around the code (ISO/IEC 18004, section 9.1).
const QUIET: usize = 4;
/// A PNG is at least this wide.
const WIDTH: usize = 256;

/// A code as dark and light modules.
pub struct QrCode {
    size: usize,
    dark: Vec<bool>,
}

impl QrCode {
    /// Of a text, with medium error correction; `None` when it is too long for any code.
    pub fn of(text: &str) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
        let size = code.size;
        let dark = (0..size).flat_map(|row| (0..size).map(move |column| (row, column)));
        Some(Self { size, dark: dark.map(|(row, column)| code[row][column].value()).collect() })
    }

    /// Modules on each side, silence included.
    pub const fn width(&self) -> usize {
        self.size + 2 * QUIET
    }

    /// Whether the module at this place, silence included, is dark.
    fn is_dark(&self, row: usize, column: usize) -> bool {
        let place = row.checked_sub(QUIET).zip(column.checked_sub(QUIET));
        place
            .filter(|(row, column)| *row < self.size && *column < self.size)
            .is_some_and(|(row, column)| self.dark.get(row * self.size + column).copied().unwrap_or_default())
    }

    /// The dark modules as the path of an SVG image of [`Self::width`] units on each side.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for row in 0..self.width() {
            let mut column = 0;
            while column < self.width() {
                let run = (column..self.width()).take_while(|at| self.is_dark(row, *at)).count();
                if run > 0 {
                    let _ = write!(path, "M{column} {row}h{run}v1h-{run}z");
                }
                column += run.max(1);
            }
        }
        path
    }

    /// As a PNG in black and white; `None` never happens, because it is written to memory.
    pub fn png(&self) -> Option<Vec<u8>> {
        let scale = WIDTH.div_ceil(self.width());
        let width = self.width() * scale;
        let mut image = Vec::with_capacity(width.div_ceil(8) * width);
        for row in 0..width {
            let mut line = vec![0_u8; width.div_ceil(8)];
            for column in (0..width).filter(|column| !self.is_dark(row / scale, column / scale)) {
                if let Some(byte) = line.get_mut(column / 8) {
                    *byte |= 0x80 >> (column % 8);
                }
            }
            image.extend_from_slice(&line);
        }
        let mut file = Vec::new();
        let side = u32::try_from(width).ok()?;
        let mut encoder = png::Encoder::new(&mut file, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&image).ok()?;
        writer.finish().ok()?;
        Some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::{QUIET, QrCode, WIDTH};

    #[test]
    fn a_code_is_the_same_as_picture_and_as_path() {
        let code =
            QrCode::of("otpauth://totp/Example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let file = code.png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut image = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut image).unwrap();
        assert!(info.width == info.height && info.width as usize >= WIDTH);
        let scale = info.width as usize / code.width();
        let dark = |row: usize, column: usize| {
            let byte = image[row * scale * info.line_size + column * scale / 8];
            byte & (0x80 >> (column * scale % 8)) == 0
        };
        let mut runs = 0;
        for row in 0..code.width() {
            for column in 0..code.width() {
                assert_eq!(dark(row, column), code.is_dark(row, column));
                runs += usize::from(dark(row, column) && (column == 0 || !dark(row, column - 1)));
            }
        }
        assert_eq!(code.path().matches('M').count(), runs);
        // Silence around it, and a finder in the corner (seven dark, one light).
        assert!((0..code.width()).all(|at| !dark(at, QUIET - 1) && !dark(QUIET - 1, at)));
        assert!((0..7).all(|at| dark(QUIET, QUIET + at)) && !dark(QUIET, QUIET + 7));
    }

    #[test]
    fn what_no_code_can_hold_is_refused() {
        assert!(QrCode::of(&"x".repeat(3000)).is_none());
    }
}
