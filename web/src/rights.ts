import type QChat from 'nim-web-sdk-ng/dist/v1/QCHAT_BROWSER_SDK';

/** The rights of a media channel, by the SDK's names, and what each lets one do. */
export const RIGHT_WORDS = {
  RTCChannelConnect: 'enter this channel',
  RTCChannelDisconnectOther: 'remove people from this channel',
  RTCChannelOpenMicrophone: 'use a microphone here',
  RTCChannelOpenCamera: 'use a camera here',
  RTCChannelOpenCloseOtherMicrophone: 'switch the microphones of others',
  RTCChannelOpenCloseOtherCamera: 'switch the cameras of others',
  RTCChannelOpenCloseEveryoneMicrophone: "switch everybody's microphone",
  RTCChannelOpenCloseEveryoneCamera: "switch everybody's camera",
  RTCChannelOpenShareScreen: 'share a screen here',
  RTCChannelCloseOtherShareScreen: "stop somebody else's screen share",
} as const;

export type Right = keyof typeof RIGHT_WORDS;
export type Rights = ReadonlySet<Right>;

const ALL = Object.keys(RIGHT_WORDS) as Right[];

/** What this account may do in a channel; rejects with the SDK's error. */
export async function readRights(sdk: QChat, serverId: string, channelId: string): Promise<Rights> {
  const verdict = await sdk.qchatRole.checkPermissions({ serverId, channelId, auths: ALL });
  return new Set(ALL.filter((right) => verdict[right] === 'allow'));
}

/** Names the right both as people say it and as the API spells it. */
export const missing = (right: Right): string => `You need the right to ${RIGHT_WORDS[right]} (${right}).`;
