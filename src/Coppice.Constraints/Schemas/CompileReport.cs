namespace Coppice.Constraints;

/// <summary>A keyword that has no effect on what a compiled grammar accepts although the schema writes it.</summary>
/// <param name="JsonPointer">JSON pointer of the schema that holds it.</param>
/// <param name="Keyword">Its name.</param>
/// <param name="Reason">Why it is not enforced.</param>
public sealed record UnenforcedKeyword(string JsonPointer, string Keyword, string Reason);

/// <summary>What a compilation has made of a schema.</summary>
public sealed record CompileReport
{
    /// <summary>The draft that the schema was read as.</summary>
    public SchemaDialect Dialect { get; init; }

    /// <summary>Every keyword that asks for something and is not enforced, in the order found; empty where the grammar is exact.</summary>
    public IReadOnlyList<UnenforcedKeyword> NotEnforced { get; init; } = [];
}
