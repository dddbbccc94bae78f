import { leakCheck } from 'pg-lifeguard/vitest'
import { lifeguard } from '../src/database.ts'

leakCheck(lifeguard)
