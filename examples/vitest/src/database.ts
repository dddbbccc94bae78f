import pg from 'pg'
import { createLifeguard } from 'pg-lifeguard'

export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
export const lifeguard = createLifeguard()
lifeguard.watch(pool, { name: 'main' })
