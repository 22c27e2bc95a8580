// Which way a call goes, from the browser's statistics.

const KINDS = { host: "direct", srflx: "direct through a router", prflx: "direct through a router", relay: "relay" };

/** @param {RTCPeerConnection} peer */
export async function pathOf(peer) {
  const stats = await peer.getStats();
  const all = [...stats.values()];
  const transport = all.find((one) => one.type === "transport");
  const pair = stats.get(transport?.selectedCandidatePairId) ?? all.find((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded");
  if (!pair) return null;
  const local = stats.get(pair.localCandidateId);
  const remote = stats.get(pair.remoteCandidateId);
  const video = all.find((one) => one.type === "inbound-rtp" && one.kind === "video");
  return {
    local: local?.candidateType,
    remote: remote?.candidateType,
    protocol: local?.relayProtocol ?? local?.protocol,
    address: local?.address ? `${local.address}:${local.port}` : "",
    remoteAddress: remote?.address ? `${remote.address}:${remote.port}` : "",
    roundTrip: pair.currentRoundTripTime,
    sent: pair.bytesSent,
    received: pair.bytesReceived,
    outgoing: pair.availableOutgoingBitrate,
    decoded: video?.framesDecoded,
    lost: video?.packetsLost,
    width: video?.frameWidth,
    height: video?.frameHeight,
    rate: video?.framesPerSecond,
    at: pair.timestamp,
  };
}

/** In words; relayed, if either side is. */
export function inWords({ local, remote, protocol }) {
  const kind = local === "relay" || remote === "relay" ? "relay" : local === "host" && remote === "host" ? "host" : "srflx";
  return `${KINDS[kind]} (${local} to ${remote}, ${protocol})`;
}
