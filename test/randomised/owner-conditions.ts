import type { Owner } from './owners.ts'
import type * as sql from './server-session.ts'
import type { World } from './world.ts'

export function holds(_world: World, owner: Owner): boolean {
  return owner.phase === 'holding'
}

/** It can send a statement and gets an answer. */
export function isFree(_world: World, owner: Owner): boolean {
  return owner.phase === 'holding' && owner.work === 'none'
}

export function transactionIs(...states: sql.ServerSession['transaction'][]) {
  return (_world: World, owner: Owner) =>
    owner.session !== undefined && !owner.session.gone && states.includes(owner.session.transaction)
}

export const usable = transactionIs('idle', 'open')
