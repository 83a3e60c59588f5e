import RoomKit, { type NERoomContext } from '@rotunda/roomkit';

let made: RoomKit | null = null;

const keep = (kit: RoomKit): void => {
  made = kit;
};

/**
 * The class given to the SDK. The SDK makes its kit itself and drops some outcomes (screen share, mute-all), and knows
 * nothing of network quality, reconnects and blocked autoplay: for those the page asks the kit of the last SDK made.
 */
export class PageKit extends RoomKit {
  constructor() {
    super();
    keep(this);
  }
}

/** The room of a connected channel. */
export function roomOf(channelId: string): NERoomContext | undefined {
  return made?.isInitialized === true ? made.roomService.getRoomContext(channelId) : undefined;
}
