use super::command::put_count;
use super::time::{PTS, put_u40, u40};
use super::upid::Upid;
use crate::Error;
use crate::psi::fits;
use alloc::vec::Vec;
use core::fmt;
use wire::{Reader, Writer};

/// `segmentation_descriptor` (ANSI/SCTE 35 §10.3.3): what begins or ends.
///
/// ```text
/// segmentation_event_id 32 | segmentation_event_cancel_indicator 1 | segmentation_event_id_compliance_indicator 1 | reserved 6
/// program_segmentation_flag 1 | segmentation_duration_flag 1 | delivery_not_restricted_flag 1
/// web_delivery_allowed_flag 1 | no_regional_blackout_flag 1 | archive_allowed_flag 1 | device_restrictions 2
/// component_count 8, each: component_tag 8 | reserved 7 | pts_offset 33
/// segmentation_duration 40 | segmentation_upid_type 8 | segmentation_upid_length 8 | segmentation_upid
/// segmentation_type_id 8 | segment_num 8 | segments_expected 8 | sub_segment_num 8 | sub_segments_expected 8
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentationDescriptor {
    /// `segmentation_event_id`, 32 bits.
    pub segmentation_event_id: u32,
    /// `segmentation_event_id_compliance_indicator`: 0 where the id keeps to the rules; 1 from senders before 2022.
    pub segmentation_event_id_compliance_indicator: bool,
    /// What it is; `None`: `segmentation_event_cancel_indicator`.
    pub segment: Option<Segment>,
}

/// What a [`SegmentationDescriptor`] tells of its segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Where it may go; `None`: `delivery_not_restricted_flag`.
    pub delivery_restrictions: Option<DeliveryRestrictions>,
    /// The components that it is about; `None`: `program_segmentation_flag`, all.
    pub components: Option<Vec<SegmentComponent>>,
    /// `segmentation_duration`, 40 bits of 90 kHz.
    pub segmentation_duration: Option<u64>,
    /// `segmentation_upid`: the name of the content.
    pub upid: Upid,
    /// `segmentation_type_id`, 8 bits.
    pub segmentation_type_id: SegmentationTypeId,
    /// `segment_num`, 8 bits.
    pub segment_num: u8,
    /// `segments_expected`, 8 bits.
    pub segments_expected: u8,
    /// `sub_segment_num` and `sub_segments_expected`, 8 bits each: with some types, though not from every sender.
    pub sub_segments: Option<(u8, u8)>,
}

/// Where a [`Segment`] may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryRestrictions {
    /// `web_delivery_allowed_flag`.
    pub web_delivery_allowed: bool,
    /// `no_regional_blackout_flag`.
    pub no_regional_blackout: bool,
    /// `archive_allowed_flag`.
    pub archive_allowed: bool,
    /// `device_restrictions`, 2 bits: 0 to 2 groups of devices that it must not go to; 3: none.
    pub device_restrictions: u8,
}

/// A component of a [`Segment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentComponent {
    /// `component_tag`, 8 bits.
    pub component_tag: u8,
    /// `pts_offset`, 33 bits of 90 kHz: to be added to the time of the command.
    pub pts_offset: u64,
}

impl SegmentationDescriptor {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let segmentation_event_id = r.u32("segmentation_event_id")?;
        let flags = r.u8("segmentation_event_cancel_indicator")?;
        let segment = (flags & 0x80 == 0)
            .then(|| Segment::decode(r))
            .transpose()?;
        Ok(Self {
            segmentation_event_id,
            segmentation_event_id_compliance_indicator: flags & 0x40 != 0,
            segment,
        })
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let compliance = u8::from(self.segmentation_event_id_compliance_indicator) << 6;
        w.u32(self.segmentation_event_id)
            .u8(u8::from(self.segment.is_none()) << 7 | compliance | 0x3F);
        self.segment
            .as_ref()
            .map_or(Ok(()), |segment| segment.encode(w))
    }
}

impl Segment {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let flags = r.u8("program_segmentation_flag")?;
        let delivery_restrictions = (flags & 0x20 == 0).then_some(DeliveryRestrictions {
            web_delivery_allowed: flags & 0x10 != 0,
            no_regional_blackout: flags & 8 != 0,
            archive_allowed: flags & 4 != 0,
            device_restrictions: flags & 3,
        });
        let components = if flags & 0x80 == 0 {
            let count = r.u8("component_count")?;
            let components = (0..count).map(|_| SegmentComponent::decode(r));
            Some(components.collect::<Result<_, _>>()?)
        } else {
            None
        };
        let segmentation_duration = (flags & 0x40 != 0)
            .then(|| u40(r, "segmentation_duration"))
            .transpose()?;
        let upid = Upid::decode(r)?;
        let segmentation_type_id = SegmentationTypeId(r.u8("segmentation_type_id")?);
        let segment_num = r.u8("segment_num")?;
        let segments_expected = r.u8("segments_expected")?;
        let sub_segments = if r.is_empty() {
            None
        } else {
            Some((r.u8("sub_segment_num")?, r.u8("sub_segments_expected")?))
        };
        Ok(Self {
            delivery_restrictions,
            components,
            segmentation_duration,
            upid,
            segmentation_type_id,
            segment_num,
            segments_expected,
            sub_segments,
        })
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let delivery = match &self.delivery_restrictions {
            None => 0x3F,
            Some(restrictions) => {
                u8::from(restrictions.web_delivery_allowed) << 4
                    | u8::from(restrictions.no_regional_blackout) << 3
                    | u8::from(restrictions.archive_allowed) << 2
                    | fits("device_restrictions", restrictions.device_restrictions, 3)?
            }
        };
        w.u8(u8::from(self.components.is_none()) << 7
            | u8::from(self.segmentation_duration.is_some()) << 6
            | delivery);
        if let Some(components) = &self.components {
            put_count(w, "component_count", components.len())?;
            for component in components {
                w.u8(component.component_tag);
                let pts_offset = fits("pts_offset", component.pts_offset, PTS)?;
                put_u40(w, 0x7F << 33 | pts_offset);
            }
        }
        if let Some(duration) = self.segmentation_duration {
            put_u40(w, fits("segmentation_duration", duration, (1 << 40) - 1)?);
        }
        self.upid.encode(w)?;
        w.u8(self.segmentation_type_id.0)
            .u8(self.segment_num)
            .u8(self.segments_expected);
        if let Some((num, expected)) = self.sub_segments {
            w.u8(num).u8(expected);
        }
        Ok(())
    }
}

impl SegmentComponent {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            component_tag: r.u8("component_tag")?,
            pts_offset: u40(r, "pts_offset")? & PTS,
        })
    }
}

/// `segmentation_type_id`: what begins or ends (ANSI/SCTE 35 Table 23).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentationTypeId(pub u8);

macro_rules! types {
    ($($value:literal $constant:ident $name:literal,)*) => {
        impl SegmentationTypeId {
            $(
                #[doc = concat!($name, ".")]
                pub const $constant: SegmentationTypeId = SegmentationTypeId($value);
            )*

            /// What it stands for; `None` where it is reserved.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

types! {
    0x00 NOT_INDICATED "Not indicated",
    0x01 CONTENT_IDENTIFICATION "Content identification",
    0x02 PRIVATE "Private",
    0x10 PROGRAM_START "Program start",
    0x11 PROGRAM_END "Program end",
    0x12 PROGRAM_EARLY_TERMINATION "Program early termination",
    0x13 PROGRAM_BREAKAWAY "Program breakaway",
    0x14 PROGRAM_RESUMPTION "Program resumption",
    0x15 PROGRAM_RUNOVER_PLANNED "Program runover, planned",
    0x16 PROGRAM_RUNOVER_UNPLANNED "Program runover, unplanned",
    0x17 PROGRAM_OVERLAP_START "Program overlap start",
    0x18 PROGRAM_BLACKOUT_OVERRIDE "Program blackout override",
    0x19 PROGRAM_JOIN "Program join",
    0x1A PROGRAM_IMMEDIATE_RESUMPTION "Program immediate resumption",
    0x20 CHAPTER_START "Chapter start",
    0x21 CHAPTER_END "Chapter end",
    0x22 BREAK_START "Break start",
    0x23 BREAK_END "Break end",
    0x24 OPENING_CREDIT_START "Opening credit start",
    0x25 OPENING_CREDIT_END "Opening credit end",
    0x26 CLOSING_CREDIT_START "Closing credit start",
    0x27 CLOSING_CREDIT_END "Closing credit end",
    0x30 PROVIDER_ADVERTISEMENT_START "Provider advertisement start",
    0x31 PROVIDER_ADVERTISEMENT_END "Provider advertisement end",
    0x32 DISTRIBUTOR_ADVERTISEMENT_START "Distributor advertisement start",
    0x33 DISTRIBUTOR_ADVERTISEMENT_END "Distributor advertisement end",
    0x34 PROVIDER_PLACEMENT_OPPORTUNITY_START "Provider placement opportunity start",
    0x35 PROVIDER_PLACEMENT_OPPORTUNITY_END "Provider placement opportunity end",
    0x36 DISTRIBUTOR_PLACEMENT_OPPORTUNITY_START "Distributor placement opportunity start",
    0x37 DISTRIBUTOR_PLACEMENT_OPPORTUNITY_END "Distributor placement opportunity end",
    0x38 PROVIDER_OVERLAY_PLACEMENT_OPPORTUNITY_START "Provider overlay placement opportunity start",
    0x39 PROVIDER_OVERLAY_PLACEMENT_OPPORTUNITY_END "Provider overlay placement opportunity end",
    0x3A DISTRIBUTOR_OVERLAY_PLACEMENT_OPPORTUNITY_START "Distributor overlay placement opportunity start",
    0x3B DISTRIBUTOR_OVERLAY_PLACEMENT_OPPORTUNITY_END "Distributor overlay placement opportunity end",
    0x3C PROVIDER_PROMO_START "Provider promo start",
    0x3D PROVIDER_PROMO_END "Provider promo end",
    0x3E DISTRIBUTOR_PROMO_START "Distributor promo start",
    0x3F DISTRIBUTOR_PROMO_END "Distributor promo end",
    0x40 UNSCHEDULED_EVENT_START "Unscheduled event start",
    0x41 UNSCHEDULED_EVENT_END "Unscheduled event end",
    0x42 ALTERNATE_CONTENT_OPPORTUNITY_START "Alternate content opportunity start",
    0x43 ALTERNATE_CONTENT_OPPORTUNITY_END "Alternate content opportunity end",
    0x44 PROVIDER_AD_BLOCK_START "Provider ad block start",
    0x45 PROVIDER_AD_BLOCK_END "Provider ad block end",
    0x46 DISTRIBUTOR_AD_BLOCK_START "Distributor ad block start",
    0x47 DISTRIBUTOR_AD_BLOCK_END "Distributor ad block end",
    0x50 NETWORK_START "Network start",
    0x51 NETWORK_END "Network end",
}

impl fmt::Display for SegmentationTypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "reserved {:#04x}", self.0),
        }
    }
}

impl fmt::Debug for SegmentationTypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentationTypeId({:#04x}: {self})", self.0)
    }
}
