import { afterAll } from 'vitest'
import { expectAllEnded, forgetClients } from './leak-check.ts'

// Of every test file, also of those without a database. Registered before its own hooks, and called after them.
afterAll(async () => {
  try {
    await expectAllEnded()
  } finally {
    forgetClients()
  }
})
