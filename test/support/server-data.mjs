// @ts-check
// What makes a server cheap that lives for seconds: its data are in memory, and its password is hashed once.

import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, statfs, symlink } from 'node:fs/promises'
import { join } from 'node:path'

/** A file system in memory, where there is one: each database consists of 300 files, which some disks create slowly. */
const memory = '/dev/shm'
/** Several times what the longest run needs. Containers often have 64 MB. */
const neededBytes = 2 ** 30

/**
 * Creates the folder for a server's data in memory, if that has room, or else at `place` itself. It is found at `place` in
 * both cases.
 * @param {string} place
 * @returns {Promise<string>} where it really is
 */
export async function makeDataFolder(place) {
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }))
  if (bavail * bsize < neededBytes) {
    await mkdir(place, { mode: 0o700 })
    return place
  }
  const folder = await mkdtemp(join(memory, 'pg-lifeguard-'))
  await symlink(folder, place)
  return folder
}

/**
 * A password as the server stores it, hashed once instead of 4,096 times: a client spends more on that than on all the
 * rest of its start, and a run starts thousands.
 * @param {string} password
 */
export function quickVerifier(password) {
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, 1, 32, 'sha256')
  const key = (/** @type {string} */ name) => createHmac('sha256', salted).update(name).digest()
  const storedKey = createHash('sha256').update(key('Client Key')).digest('base64')
  return `SCRAM-SHA-256$1:${salt.toString('base64')}$${storedKey}:${key('Server Key').toString('base64')}`
}
