namespace Coppice.Constraints;

/// <summary>A draft of JSON Schema; later drafts compare as greater.</summary>
public enum SchemaDialect
{
    /// <summary>Draft 04.</summary>
    Draft4,

    /// <summary>Draft 06.</summary>
    Draft6,

    /// <summary>Draft 07.</summary>
    Draft7,

    /// <summary>Draft 2019-09.</summary>
    Draft201909,

    /// <summary>Draft 2020-12.</summary>
    Draft202012,
}
