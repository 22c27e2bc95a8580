use crate::Error;
use crate::boxes::{FourCc, Hdlr, IsoBox, Raw};
use crate::names::ITEMS;
use alloc::vec::Vec;
use media::{Metadata, Value};
use wire::{LengthOf, Writer};

/// `udta` with the texts that it can carry: by the names above, or by the name of an item (`©nam`).
pub(super) fn udta(metadata: &Metadata) -> Result<Option<Raw>, Error> {
    let mut items = Vec::new();
    for (name, value) in &metadata.entries {
        let Value::Text(text) = value else {
            continue;
        };
        let own = name.chars().map(|c| u8::try_from(u32::from(c)).ok());
        let own: Option<Vec<u8>> = own.collect();
        let own = own.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        let own = own.filter(|code| code.first() == Some(&0xA9));
        let known = ITEMS
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, code)| *code);
        if let Some(code) = known.or(own) {
            item(&mut Writer::new(&mut items), code, text)?;
        }
    }
    if items.is_empty() {
        return Ok(None);
    }
    let mut out = Vec::new();
    Writer::new(&mut out).sized_u32("udta", LengthOf::FieldAndBody, |w| {
        w.bytes(b"udta")
            .sized_u32("meta", LengthOf::FieldAndBody, |w| {
                w.bytes(b"meta").u32(0);
                let hdlr = Hdlr::new(FourCc(*b"mdir"), "");
                hdlr.encode(w.buffer())?;
                w.sized_u32("ilst", LengthOf::FieldAndBody, |w| {
                    w.bytes(b"ilst").bytes(&items);
                    Ok::<_, Error>(())
                })?;
                Ok::<_, Error>(())
            })?;
        Ok::<_, Error>(())
    })?;
    Ok(Some(Raw {
        bytes: out.into(),
        error: None,
    }))
}

/// One item: its name, and a `data` box with text in UTF-8 (type 1).
fn item(w: &mut Writer<'_>, code: [u8; 4], text: &str) -> Result<(), Error> {
    w.sized_u32("item", LengthOf::FieldAndBody, |w| {
        w.bytes(&code)
            .sized_u32("data", LengthOf::FieldAndBody, |w| {
                w.bytes(b"data").u32(1).u32(0).bytes(text.as_bytes());
                Ok::<_, Error>(())
            })?;
        Ok::<_, Error>(())
    })?;
    Ok(())
}
