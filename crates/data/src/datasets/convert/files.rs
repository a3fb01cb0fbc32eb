//! The files of annotations that each form has.

use super::{About, Form, Picture};
use crate::{
    error::{Error, Result},
    formats::{
        self,
        imglab_xml::{self, FaceBox},
    },
    io::write_whole,
    picture::picture_size,
    sample::Annotation,
    scheme::{Outline, Scheme},
};
use candle_vision_helpers::Point;
use std::path::Path;

/// Writes them beside the pictures, which are in `out` already.
pub(super) fn write(about: &About<'_>, form: Form, pictures: &[Picture<'_>], out: &Path) -> Result<()> {
    match form {
        Form::Pts => pts(out, pictures),
        Form::Imglab => imglab(out, about.title, pictures),
        Form::Coco => coco(out, about.scheme, pictures),
        Form::Csv => csv(out, about.scheme, pictures),
    }
}

fn pts(out: &Path, pictures: &[Picture<'_>]) -> Result<()> {
    for Picture { file, faces, .. } in pictures {
        let mut path = out.join(file);
        path.set_extension("pts");
        for face in faces {
            formats::pts::write(&path, &Form::Pts.points(face))?;
        }
    }
    Ok(())
}

fn imglab(out: &Path, title: &str, pictures: &[Picture<'_>]) -> Result<()> {
    let listed = pictures.iter().map(|picture| {
        let part = |(i, p): (usize, Point)| (i, (p, 0));
        let face = |face: &&Annotation| FaceBox {
            rect: face.face,
            parts: Form::Imglab.points(face).into_iter().enumerate().map(part).collect(),
            decimals: 4,
            line: 0,
        };
        Ok(imglab_xml::Picture {
            file: picture.file.clone(),
            size: Some(picture_size(&out.join(&picture.file))?),
            boxes: picture.faces.iter().map(face).collect(),
            ignored: 0,
            line: 0,
        })
    });
    imglab_xml::write(&Form::Imglab.file(out), title, &listed.collect::<Result<Vec<_>>>()?)
}

fn coco(out: &Path, scheme: &Scheme, pictures: &[Picture<'_>]) -> Result<()> {
    let numbered = || (0..scheme.len()).map(|i| i.to_string()).collect();
    let names = if scheme.point_names().is_empty() { numbered() } else { scheme.point_names().to_vec() };
    let mut skeleton = Vec::new();
    for group in scheme.groups().iter().filter(|g| g.outline != Outline::None) {
        skeleton.extend(group.points.clone().skip(1).map(|i| [i - 1, i]));
        if group.outline == Outline::Closed && group.points.len() > 2 {
            skeleton.push([group.points.end - 1, group.points.start]);
        }
    }
    let listed = pictures.iter().map(|picture| {
        let object = |f: &&Annotation| (f.points.points().to_vec(), f.points.visible().to_vec(), f.face);
        let objects = picture.faces.iter().map(object).collect();
        Ok(formats::coco::Picture {
            file: picture.file.clone(),
            size: picture_size(&out.join(&picture.file))?,
            objects,
        })
    });
    let listed = listed.collect::<Result<Vec<_>>>()?;
    formats::coco::write(&Form::Coco.file(out), scheme.name(), &names, &skeleton, &listed)
}

fn csv(out: &Path, scheme: &Scheme, pictures: &[Picture<'_>]) -> Result<()> {
    let path = Form::Csv.file(out);
    let faces = || pictures.iter().flat_map(|p| p.faces.iter().map(move |face| (&p.file, face)));
    let named = faces().any(|(_, face)| face.subject.is_some());
    let mut table = ::csv::Writer::from_writer(Vec::new());
    let mut row = vec!["file".to_owned()];
    row.extend(named.then(|| "subject".to_owned()));
    row.extend((0..scheme.len()).flat_map(|i| [format!("x{i}"), format!("y{i}")]));
    let broken = |e: ::csv::Error| Error::Invalid(format!("{}: {e}", path.display()));
    table.write_record(&row).map_err(broken)?;
    for (file, face) in faces() {
        row = vec![file.clone()];
        row.extend(named.then(|| face.subject.clone().unwrap_or_default()));
        let cells = face.points.points().iter().zip(face.points.visible());
        let text = |(p, &v): (&Point, &bool)| if v { [p.x.to_string(), p.y.to_string()] } else { Default::default() };
        row.extend(cells.flat_map(text));
        table.write_record(&row).map_err(broken)?;
    }
    let bytes = table.into_inner().map_err(|e| Error::Invalid(format!("{}: {e}", path.display())))?;
    write_whole(&path, &bytes)
}
