import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Express } from 'express'
import type pg from 'pg'
import QueryStream from 'pg-query-stream'

/** How many accounts there are, and what all of them hold together at any time. */
export const accounts = { count: 50, total: 50_000 }

/** Routes that make no mistake. What they do to the database can be checked at any time. */
export function addTraffic(app: Express, pool: pg.Pool): void {
  app.get('/accounts/:id', async (request, response) => {
    const { rows } = await pool.query('SELECT balance FROM accounts WHERE id = $1', [request.params.id])
    response.json(rows[0])
  })

  app.post('/transfers/:id', async (request, response) => {
    const [from, to] = [randomAccount(), randomAccount()]
    await inTransaction(pool, async (client) => {
      // In the order of their ids, so that two transfers cannot lock each other out.
      for (const [account, amount] of from < to
        ? [
            [from, -1],
            [to, 1],
          ]
        : [
            [to, 1],
            [from, -1],
          ]) {
        await client.query('UPDATE accounts SET balance = balance + $1 WHERE id = $2', [amount, account])
      }
      await client.query('INSERT INTO transfers (id) VALUES ($1)', [request.params.id])
    })
    response.status(201).json({ id: request.params.id })
  })

  app.get('/statement', async (_request, response) => {
    const client = await pool.connect()
    const over = new AbortController()
    let failure: Error | undefined
    try {
      const rows = client.query(new QueryStream('SELECT balance FROM accounts'))
      const total = await Promise.race([sumOf(rows), lossOf(client, over.signal)])
      response.json({ total })
    } catch (error) {
      failure = error as Error
      throw error
    } finally {
      over.abort()
      client.release(failure)
    }
  })

  app.post('/bookings', async (_request, response) => {
    await inTransaction(pool, async (client) => {
      await client.query('SAVEPOINT attempt')
      await client.query('INSERT INTO accounts (id, balance) VALUES (1, 0)').catch(async (error) => {
        if (error.code !== '23505') throw error
        await client.query('ROLLBACK TO SAVEPOINT attempt')
      })
      await sleep(20)
      await client.query('SELECT pg_sleep(0.02)')
    })
    response.status(201).end()
  })
}

async function sumOf(rows: AsyncIterable<{ balance: number }>): Promise<number> {
  let total = 0
  for await (const { balance } of rows) total += balance
  return total
}

/** Neither a cursor nor the end of its stream comes to an end by itself when the connection is gone. */
async function lossOf(client: pg.PoolClient, signal: AbortSignal): Promise<never> {
  await once(client, 'end', { signal })
  throw new Error('the connection was lost')
}

async function inTransaction(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect()
  let failure: Error | undefined
  try {
    await client.query('BEGIN')
    await work(client)
    await client.query('COMMIT')
  } catch (error) {
    failure = error as Error
    throw error
  } finally {
    // With the error the connection is closed, and the server rolls back.
    client.release(failure)
  }
}

function randomAccount(): number {
  return 1 + Math.floor(Math.random() * accounts.count)
}
