/** A sentence for the operator, and what it is about. */
export interface Remark {
  readonly about:
    'address' | 'key' | 'ca' | 'profile' | 'policy' | 'certificate' | 'client-ca' | 'redis' | 'exposure' | 'setting';
  readonly text: string;
}
