//! Writes imglab's XML.

use super::{FaceBox, Picture};
use crate::{
    error::{Error, Result},
    io::write_whole,
};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};
use std::path::Path;

/// Writes a list as dlib does; boxes get whole pixels and parts two decimals, or as many as they are said to have.
/// Lines are not looked at.
///
/// # Errors
/// When it cannot be written; no partial file is left.
pub fn write(path: &Path, title: &str, pictures: &[Picture]) -> Result<()> {
    let text = to_xml(title, pictures).map_err(|e| Error::io(path, e))?;
    write_whole(path, &text)
}

fn to_xml(title: &str, pictures: &[Picture]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.create_element("dataset").write_inner_content(|w| {
        w.create_element("name").write_text_content(BytesText::new(title))?;
        w.create_element("images").write_inner_content(|w| {
            for picture in pictures {
                let mut image = w.create_element("image").with_attribute(("file", picture.file.as_str()));
                if let Some(size) = picture.size {
                    let (width, height) = (size.width.to_string(), size.height.to_string());
                    image = image.with_attributes([("width", width.as_str()), ("height", height.as_str())]);
                }
                image.write_inner_content(|w| picture.boxes.iter().try_for_each(|face| write_box(w, face)))?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    let mut text = writer.into_inner();
    text.push(b'\n');
    Ok(text)
}

fn write_box(writer: &mut Writer<Vec<u8>>, face: &FaceBox) -> std::io::Result<()> {
    let r = face.rect;
    let sides = [r.y + 0.5, r.x + 0.5, r.width.max(1.0), r.height.max(1.0)].map(|v| v.round().to_string());
    let names = ["top", "left", "width", "height"];
    let attributes = names.into_iter().zip(sides.iter().map(String::as_str));
    writer.create_element("box").with_attributes(attributes).write_inner_content(|w| {
        for (name, (at, _)) in &face.parts {
            let (name, digits) = (format!("{name:02}"), face.decimals.max(2));
            let [x, y] = [at.x, at.y].map(|v| format!("{v:.digits$}"));
            w.create_element("part").with_attributes([("name", &*name), ("x", &*x), ("y", &*y)]).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}
