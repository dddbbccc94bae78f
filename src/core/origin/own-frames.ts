import type { Frame, Origin } from './origin.ts'

/** The frames of an origin without dependencies and Node.js; the origin itself is always the first. */
export function ownFrames({ frames }: Origin): readonly Frame[] {
  return frames.filter(({ file }, index) => index === 0 || !/[\\/]node_modules[\\/]|^node:/.test(file))
}
