namespace Coppice;

/// <summary>How matrices are kept in memory. Norms and biases are F32 always; routers and learned positions are never quantised.</summary>
public enum WeightFormat
{
    /// <summary>As the file has them.</summary>
    AsStored,
    /// <summary>IEEE binary32: 4 bytes a weight.</summary>
    F32,
    /// <summary>IEEE binary16: 2 bytes a weight; rounds what is stored finer, and overflows beyond 65,504.</summary>
    F16,
    /// <summary>Upper half of a binary32: 2 bytes a weight; rounds what is stored finer.</summary>
    BF16,
    /// <summary>8-bit codes in groups of 32 with a scale: 8.5 bits a weight.</summary>
    Q8,
    /// <summary>4-bit codes in groups of 32 with a scale and a minimum: 5 bits a weight.</summary>
    Q4,
}
