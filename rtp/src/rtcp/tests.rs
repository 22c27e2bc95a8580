use super::*;
use crate::NtpTime;
use proptest::prelude::*;

fn round_trip(put: &Packet<'_>) {
    let mut out = Vec::new();
    put.encode(&mut out).unwrap();
    assert_eq!(out.len() % 4, 0);
    let got: Result<Vec<_>, _> = Packets::new(&out).collect();
    assert_eq!(got.unwrap(), [*put]);
}

#[test]
fn a_sender_report_by_hand() {
    let bytes = [
        0x81, 200, 0, 12, 0, 0, 0, 1, 0xE0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0,
        0, 4, // sender info
        0, 0, 0, 5, 0x40, 0xFF, 0xFF, 0xFE, 0, 1, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10,
    ];
    let packet = Packets::new(&bytes).next().unwrap().unwrap();
    let Packet::SenderReport(report) = packet else {
        panic!("{packet:?}")
    };
    assert_eq!((report.ssrc, report.rtp_timestamp), (1, 2));
    assert_eq!(report.ntp, NtpTime(0xE000_0000_8000_0000));
    assert_eq!((report.packet_count, report.octet_count), (3, 4));
    let block = report.reports.iter().next().unwrap();
    assert_eq!((block.fraction_lost, block.cumulative_lost), (64, -2));
    assert_eq!(block.highest_sequence, 0x0001_0007);
    round_trip(&packet);
}

#[test]
fn compounds_have_rules() {
    let mut out = Vec::new();
    ReceiverReport::default().encode(&mut out).unwrap();
    let error = check_compound(&out, false).unwrap_err().to_string();
    assert_eq!(error, "a compound has a canonical name");
    let cname = Item {
        kind: item::CNAME,
        text: b"me",
    };
    Sdes::encode_items(&[(7, &[cname])], &mut out).unwrap();
    assert_eq!(check_compound(&out, false), Ok(()));
    let mut feedback = Vec::new();
    Pli {
        sender_ssrc: 1,
        media_ssrc: 2,
    }
    .encode(&mut feedback)
    .unwrap();
    assert!(check_compound(&feedback, false).is_err());
    assert_eq!(check_compound(&feedback, true), Ok(()));
    // Padding anywhere but in the last packet.
    let mut padded = vec![0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4];
    padded.extend_from_slice(&out);
    assert!(
        check_compound(&padded, false)
            .unwrap_err()
            .to_string()
            .contains("padding")
    );
    assert!(check_compound(&[], true).is_err());
}

#[test]
fn descriptions_end_with_zeros() {
    let items = [
        Item {
            kind: item::CNAME,
            text: b"ab",
        },
        Item {
            kind: item::TOOL,
            text: b"",
        },
    ];
    let mut out = Vec::new();
    Sdes::encode_items(&[(1, &items), (2, &[])], &mut out).unwrap();
    let wanted = [
        0x82, 202, 0, 5, 0, 0, 0, 1, 1, 2, b'a', b'b', 6, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0,
    ];
    assert_eq!(out, wanted);
    let packet = Packets::new(&out).next().unwrap().unwrap();
    let Packet::Sdes(sdes) = packet else { panic!() };
    let chunks: Vec<_> = sdes.chunks().collect();
    assert_eq!(chunks[0].items().collect::<Vec<_>>(), items);
    assert_eq!((chunks[1].ssrc, chunks[1].cname()), (2, None));
    round_trip(&packet);
}

#[test]
fn rates_are_told_in_18_bits() {
    // The draft's field: 6 bits of exponent, 18 of mantissa.
    let remb = Remb {
        sender_ssrc: 1,
        bitrate: 0x3_FFFF,
        ssrcs: List::Values(&[9]),
    };
    let mut out = Vec::new();
    remb.encode(&mut out).unwrap();
    assert_eq!(out[12..20], [b'R', b'E', b'M', b'B', 1, 3, 0xFF, 0xFF]);
    round_trip(&Packet::Remb(remb));
    round_trip(&Packet::Remb(Remb {
        bitrate: 0x3_FFFF << 46,
        ..remb
    }));
    round_trip(&Packet::Remb(Remb { bitrate: 0, ..remb }));
}

#[test]
fn a_remb_cut_short_is_no_other_feedback() {
    // Padding that leaves three of the four bytes after the identifier.
    let mut packet = vec![0xAF, 206, 0, 5];
    packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0]);
    packet.extend_from_slice(b"REMB\xAF\x45\x4D\0\0\0\0\x05");
    let error = Packets::new(&packet).next().unwrap().unwrap_err();
    assert!(error.to_string().contains("BR Exp"), "{error}");
}

#[test]
fn arrivals_in_chunks_of_each_kind() {
    let mut arrivals = vec![Arrival::After(1); 20];
    arrivals.extend([Arrival::Lost; 3]);
    arrivals.extend([
        Arrival::After(-1),
        Arrival::After(256),
        Arrival::Untimed,
        Arrival::After(255),
    ]);
    arrivals.extend([Arrival::Lost; 100]);
    let head = TwccHead {
        sender_ssrc: 1,
        media_ssrc: 2,
        base_sequence: 65_530,
        reference_time: -3,
        feedback_count: 4,
    };
    let mut out = Vec::new();
    Twcc::encode_arrivals(&head, &arrivals, &mut out).unwrap();
    let packet = Packets::new(&out).next().unwrap().unwrap();
    let Packet::Twcc(twcc) = packet else { panic!() };
    assert_eq!((twcc.reference_time, twcc.feedback_count), (-3, 4));
    let got: Vec<_> = twcc.arrivals().collect();
    assert_eq!(
        got.iter().map(|(_, arrival)| *arrival).collect::<Vec<_>>(),
        arrivals
    );
    assert_eq!((got[0].0, got[6].0), (65_530, 0));
    round_trip(&packet);
}

#[test]
fn extended_reports_of_each_kind() {
    let blocks = [
        Block::LossRle(Rle {
            ssrc: 1,
            thinning: 2,
            begin_seq: 3,
            end_seq: 33,
            chunks: List::Values(&[0x4005, 0x8001]),
        }),
        Block::ReceiptTimes {
            ssrc: 1,
            thinning: 0,
            begin_seq: 1,
            end_seq: 2,
            times: List::Values(&[77]),
        },
        Block::ReferenceTime(NtpTime(99)),
        Block::Dlrr(List::Values(&[DlrrEntry {
            ssrc: 1,
            last_rr: 2,
            delay_since_last_rr: 3,
        }])),
        Block::Statistics(StatisticsSummary {
            flags: 0xE0,
            ssrc: 1,
            begin_seq: 1,
            end_seq: 9,
            lost_packets: 2,
            dup_packets: 1,
            jitter: [1, 2, 3, 4],
            ttl: [5, 6, 7, 8],
        }),
        Block::VoipMetrics {
            ssrc: 1,
            metrics: &[7; 28],
        },
        Block::Other {
            kind: 200,
            specific: 1,
            data: &[1, 2, 3, 4],
        },
    ];
    let mut out = Vec::new();
    Xr::encode_blocks(5, &blocks, &mut out).unwrap();
    let packet = Packets::new(&out).next().unwrap().unwrap();
    let Packet::Xr(xr) = packet else { panic!() };
    assert_eq!(xr.blocks().collect::<Vec<_>>(), blocks);
    let Block::LossRle(rle) = blocks[0] else {
        panic!()
    };
    let bits: Vec<_> = rle.bits().collect();
    assert_eq!(
        (bits.len(), bits[4], bits[5], bits[19]),
        (20, true, false, true)
    );
    round_trip(&packet);
}

proptest! {
    #[test]
    fn nacks_tell_what_is_missing(start: u16, steps in proptest::collection::vec(1u16..40, 0..60)) {
        let numbers: Vec<_> = steps.iter().scan(start, |at, step| { *at = at.wrapping_add(*step); Some(*at) }).collect();
        let entries: Vec<_> = NackEntry::of(numbers.iter().copied()).collect();
        let told: Vec<_> = entries.iter().flat_map(|entry| entry.sequence_numbers()).collect();
        prop_assert_eq!(told, numbers);
        round_trip(&Packet::Nack(Nack { sender_ssrc: 1, media_ssrc: 2, entries: entries.as_slice().into() }));
    }

    #[test]
    fn any_arrivals(list in proptest::collection::vec(prop_oneof![Just(Arrival::Lost), Just(Arrival::Untimed), any::<i16>().prop_map(Arrival::After), (0i16..256).prop_map(Arrival::After)], 0..200), base: u16) {
        let head = TwccHead { sender_ssrc: 1, media_ssrc: 2, base_sequence: base, reference_time: 1, feedback_count: 0 };
        let mut out = Vec::new();
        Twcc::encode_arrivals(&head, &list, &mut out).unwrap();
        let packet = Packets::new(&out).next().unwrap().unwrap();
        let Packet::Twcc(twcc) = packet else { panic!() };
        prop_assert_eq!(twcc.arrivals().map(|(_, arrival)| arrival).collect::<Vec<_>>(), list);
    }

    #[test]
    fn reports(blocks in proptest::collection::vec((any::<u32>(), any::<u8>(), -0x80_0000i32..0x80_0000, any::<[u32; 4]>()), 0..=31), info: [u32; 4], ntp: u64) {
        let blocks: Vec<_> = blocks.iter().map(|(ssrc, fraction_lost, cumulative_lost, rest)| ReportBlock {
            ssrc: *ssrc, fraction_lost: *fraction_lost, cumulative_lost: *cumulative_lost,
            highest_sequence: rest[0], jitter: rest[1], last_sr: rest[2], delay_since_last_sr: rest[3],
        }).collect();
        let reports = List::from(blocks.as_slice());
        round_trip(&Packet::ReceiverReport(ReceiverReport { ssrc: info[0], reports, extension: &[1, 2, 3, 4] }));
        round_trip(&Packet::SenderReport(SenderReport {
            ssrc: info[0], ntp: NtpTime(ntp), rtp_timestamp: info[1], packet_count: info[2], octet_count: info[3], reports, extension: &[],
        }));
        round_trip(&Packet::Bye(Bye { sources: List::from(&info[..]), reason: b"so long" }));
        round_trip(&Packet::Fir(Fir { sender_ssrc: 1, entries: List::Values(&[FirEntry { ssrc: 2, sequence_number: 3 }]) }));
        round_trip(&Packet::Sli(Sli { sender_ssrc: 1, media_ssrc: 2, entries: List::Values(&[SliEntry { first: 8191, number: 1, picture_id: 63 }]) }));
        round_trip(&Packet::App(App { subtype: 31, ssrc: 1, name: *b"name", data: &[1, 2, 3, 4] }));
        round_trip(&Packet::OtherFeedback(OtherFeedback { packet_type: PSFB, format: 3, sender_ssrc: 1, media_ssrc: 2, data: &[1, 2, 3, 4] }));
    }

    #[test]
    fn what_is_read_is_written_back(bytes in proptest::collection::vec(any::<u8>(), 0..64), count in 0u8..32, kind in 199u8..210) {
        let mut data = vec![0x80 | count, kind, 0, u8::try_from(bytes.len() / 4).unwrap()];
        data.extend_from_slice(&bytes[..bytes.len() / 4 * 4]);
        for packet in Packets::new(&data).flatten() {
            let mut out = Vec::new();
            packet.encode(&mut out).unwrap();
            let again = Packets::new(&out).next().unwrap().unwrap();
            prop_assert_eq!(again, packet);
        }
    }
}
