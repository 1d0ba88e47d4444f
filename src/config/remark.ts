/** A sentence for the operator, and what it is about. */
export interface Remark {
  readonly about: 'address' | 'key' | 'ca' | 'profile' | 'setting';
  readonly text: string;
}
