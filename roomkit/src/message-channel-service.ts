import { ListenerSlot } from "./listener-slot";
import { resultCall } from "./errors";
import type { RestClient } from "./rest-client";
import type { NECustomMessage, NEMessageChannelListener, NEMessageChannelService, NEResult } from "./types";

/** Custom messages between members. The QChat SDK stores this service and never calls it. */
export class MessageChannelService implements NEMessageChannelService {
  readonly #slot = new ListenerSlot<Required<NEMessageChannelListener>>();
  readonly #rest: RestClient;

  constructor(rest: RestClient) {
    this.#rest = rest;
  }

  addMessageChannelListener(listener: NEMessageChannelListener): void {
    this.#slot.add(listener);
  }

  removeMessageChannelListener(listener?: NEMessageChannelListener): void {
    this.#slot.remove(listener);
  }

  sendCustomMessage(roomUuid: string, userUuid: string, commandId: number, message: string): Promise<NEResult<null>> {
    return resultCall("sendCustomMessage", () => this.#rest.sendMessage(roomUuid, userUuid, commandId, message));
  }

  received(message: NECustomMessage): void {
    this.#slot.emit("onReceiveCustomMessage", [message]);
  }
}
