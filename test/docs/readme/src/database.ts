import pg from 'pg'
import { createLifeguard } from 'pg-lifeguard'
import { clock } from '../clock.ts'

export const pool = new pg.Pool()
export const lifeguard = createLifeguard({ clock })
lifeguard.watch(pool, { name: 'main' })
