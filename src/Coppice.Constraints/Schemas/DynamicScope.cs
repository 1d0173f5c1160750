namespace Coppice.Constraints.Schemas;

/// <summary>The resources that were entered on the way to a schema, outermost first; each once, for only the outermost counts.</summary>
internal sealed class DynamicScope
{
    private readonly SchemaResource[] _resources;

    private DynamicScope(SchemaResource[] resources)
    {
        _resources = resources;
        Key = string.Join('\n', resources.Select(resource => resource.Pointer));
    }

    public static DynamicScope Empty { get; } = new([]);

    /// <summary>Equal for equal scopes.</summary>
    public string Key { get; }

    /// <summary>The scope inside <paramref name="resource"/>. Only resources with dynamic anchors make a difference.</summary>
    public DynamicScope Within(SchemaResource resource) =>
        resource.DynamicAnchors.Count == 0 || _resources.Contains(resource) ? this : new DynamicScope([.. _resources, resource]);

    /// <summary>The outermost resource with the dynamic anchor <paramref name="name"/>, or null.</summary>
    public SchemaResource? Outermost(string name) => Array.Find(_resources, resource => resource.DynamicAnchors.Contains(name));
}
