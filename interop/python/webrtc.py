"""A WebRTC client that nobody here wrote, aiortc, as publisher or player by WHIP and WHEP; prints one line of JSON.

    webrtc.py publish URL SECONDS    sends a red picture and a tone of 440 Hz; with `vp8` behind that, knows no other codec of pictures
    webrtc.py play URL SECONDS       tells how many pictures came and their mean colour, how much sound and its tone
"""

import asyncio
import fractions
import json
import sys
import time
import urllib.request

import av
import numpy
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, VideoStreamTrack


SILENT = "silent" in sys.argv


class Red(VideoStreamTrack):
    """Red everywhere but for a bar that moves."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        picture = numpy.zeros((240, 320, 3), dtype=numpy.uint8)
        picture[:, :, 0] = 200
        bar = (pts // 3000 * 4) % 300
        picture[:, bar : bar + 20, :] = 255
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(MediaStreamTrack):
    """440 Hz."""

    kind = "audio"
    RATE, COUNT, HERTZ = 48000, 960, 440

    def __init__(self):
        super().__init__()
        self.at = 0
        self.start = time.time()

    async def recv(self):
        await asyncio.sleep(max(0, self.start + self.at / self.RATE - time.time()))
        times = (numpy.arange(self.COUNT) + self.at) / self.RATE
        wave = (numpy.sin(2 * numpy.pi * self.HERTZ * times) * 12000).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = self.RATE, self.at
        frame.time_base = fractions.Fraction(1, self.RATE)
        self.at += self.COUNT
        return frame


async def post(peer, url):
    await peer.setLocalDescription(await peer.createOffer())
    request = urllib.request.Request(
        url, peer.localDescription.sdp.encode(), {"Content-Type": "application/sdp"}, method="POST"
    )
    with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
        assert answer.status == 201, answer.status
        location = answer.headers["Location"]
        sdp = answer.read().decode()
    await peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
    return location


async def publish(url, seconds):
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(Tone())
    peer.addTrack(Red())
    if "vp8" in sys.argv:
        codecs = RTCRtpSender.getCapabilities("video").codecs
        peer.getTransceivers()[1].setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/VP8"])
    await post(peer, url)
    print(json.dumps({"published": True}), flush=True)
    await asyncio.sleep(seconds)
    await peer.close()


async def play(url, seconds):
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    seen = {"pictures": 0, "colour": None, "size": None, "sound": 0.0, "hertz": 0.0}
    done = asyncio.Event()
    sound = []

    async def take(track):
        while not done.is_set():
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if track.kind == "video":
                seen["pictures"] += 1
                seen["size"] = [frame.width, frame.height]
                seen["colour"] = [round(float(c)) for c in frame.to_ndarray(format="rgb24").mean(axis=(0, 1))]
            else:
                samples = frame.to_ndarray().reshape(-1)[:: len(frame.layout.channels)]
                sound.append(samples.astype(numpy.float64))
                seen["sound"] += len(samples) / frame.sample_rate
                del sound[:-100]

    peer.on("track", lambda track: asyncio.ensure_future(take(track)))
    peer.addTransceiver("audio", direction="recvonly")
    peer.addTransceiver("video", direction="recvonly")
    await post(peer, url)
    end = time.time() + 60
    while time.time() < end and (seen["pictures"] < 20 * seconds or (seen["sound"] < seconds and not SILENT)):
        await asyncio.sleep(0.1)
    done.set()
    if sound:
        wave = numpy.concatenate(sound)
        power = abs(numpy.fft.rfft(wave * numpy.hanning(len(wave))))
        seen["hertz"] = float(numpy.argmax(power) * 48000 / len(wave))
    print(json.dumps(seen), flush=True)
    await peer.close()


what, url, seconds = sys.argv[1:4]  # A fourth, `silent`, awaits no sound.
asyncio.run((publish if what == "publish" else play)(url, float(seconds)))
