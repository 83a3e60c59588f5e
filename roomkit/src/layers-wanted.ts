import { isRecord } from "./wire";

export interface LayersWanted {
  producerId: string;
  /** So many layers, from the lowest, are taken; 0: nobody takes any. */
  layers: number;
}

/** Reads the server's message; undefined when it is not one. */
export function layersWanted(data: unknown): LayersWanted | undefined {
  if (!isRecord(data) || typeof data.producerId !== "string") return undefined;
  const { producerId, layers } = data;
  return typeof layers === "number" && Number.isInteger(layers) && layers >= 0 ? { producerId, layers } : undefined;
}
