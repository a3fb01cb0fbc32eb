//! What rank 0 tells the others: where the run stands, and what validation found.

use crate::{
    checkpoint::{OPTIM, RunFolder, Saved},
    error::{Error, Result},
    ranks::Team,
};
use facekp_eval::run_files::EpochRecord;

/// Refuses to train with what is not the same on all ranks, `what`, as this rank has it.
///
/// # Errors
/// On all ranks, where one has something else.
pub(crate) fn agree(team: &Team, what: &str, own: &str) -> Result<()> {
    let first = team.hear(|| Ok(own.as_bytes().to_vec()))?;
    if team.any(first.is_some_and(|first| first != own.as_bytes()))? {
        return Err(Error::Rank(format!("expected the same {what} on all {} ranks, got different ones", team.count())));
    }
    Ok(())
}

/// The checkpoint that rank 0 found in the run's folder, which the other ranks need not see.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn checkpoint(team: &Team, folder: Option<&RunFolder>, saved: Option<Saved>) -> Result<Option<Saved>> {
    let bytes = team.hear(|| match (folder, &saved) {
        (Some(folder), Some(_)) => {
            let path = folder.path(OPTIM);
            std::fs::read(&path).map_err(|e| Error::Run { path, reason: e.to_string() })
        }
        _ => Ok(Vec::new()),
    })?;
    match bytes {
        Some(bytes) if !bytes.is_empty() => Saved::parse(OPTIM.as_ref(), &bytes).map(Some),
        _ => Ok(saved),
    }
}

/// The record of epoch `epoch` (from 1 on), which rank 0 has.
///
/// # Errors
/// A rank is gone.
pub(crate) fn record(team: &Team, epoch: usize, own: Option<EpochRecord>) -> Result<EpochRecord> {
    let numbers = own.map(|r| [r.train_loss, r.val_loss, r.val_nme, r.val_px, r.lr, r.seconds]);
    let say = || Ok(numbers.iter().flatten().flat_map(|n| n.to_le_bytes()).collect());
    let heard = team.hear(say)?.unwrap_or_default();
    let heard: Vec<f64> = heard.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default())).collect();
    match (own, heard.as_slice()) {
        (Some(own), _) => Ok(own),
        (None, &[train_loss, val_loss, val_nme, val_px, lr, seconds]) => {
            Ok(EpochRecord { epoch, train_loss, val_loss, val_nme, val_px, lr, total_epochs: None, seconds })
        }
        _ => Err(Error::Rank("expected the record of an epoch from rank 0, got something else".to_owned())),
    }
}
