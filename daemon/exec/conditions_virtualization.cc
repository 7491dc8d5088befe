// ConditionVirtualization: what kind of container or virtual machine this is, with the names of
// systemd-detect-virt(1). A container in a virtual machine is a container.
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cstring>

#include "exec/condition_kinds.h"

namespace svcd {
namespace {

struct Mark {
    std::string_view text;
    std::string_view name;
};

constexpr auto kContainers =
    std::to_array<std::string_view>({"systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker",
                                     "podman", "rkt", "wsl", "proot", "pouch"});

/// The hypervisor's signature, as the processor tells it.
constexpr auto kSignatures = std::to_array<Mark>({
    {"XenVMMXenVMM", "xen"},
    {"KVMKVMKVM", "kvm"},
    {"Linux KVM Hv", "kvm"},
    {"TCGTCGTCGTCG", "qemu"},
    {"VMwareVMware", "vmware"},
    {"Microsoft Hv", "microsoft"},
    {"bhyve bhyve ", "bhyve"},
    {"QNXQVMBSQG", "qnx"},
    {"ACRNACRNACRN", "acrn"},
    {"SRESRESRESRE", "sre"},
});

/// What a vendor's or product's name in DMI begins with.
constexpr auto kVendors = std::to_array<Mark>({
    {"KVM", "kvm"},
    {"OpenStack", "kvm"},
    {"KubeVirt", "kvm"},
    {"Amazon EC2", "amazon"},
    {"QEMU", "qemu"},
    {"VMware", "vmware"},
    {"VMW", "vmware"},
    {"innotek GmbH", "oracle"},
    {"VirtualBox", "oracle"},
    {"Oracle Corporation", "oracle"},
    {"Xen", "xen"},
    {"Bochs", "bochs"},
    {"Parallels", "parallels"},
    {"BHYVE", "bhyve"},
    {"Hyper-V", "microsoft"},
    {"Apple Virtualization", "apple"},
    {"Google Compute Engine", "google"},
});

bool is_there(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

/// By the files that container managers leave. Podman's comes first: it leaves Docker's as well.
std::string_view container_by_files(const ConditionView& view) {
    if (is_there(view.root + "/run/.containerenv")) {
        return "podman";
    }
    return is_there(view.root + "/.dockerenv") ? "docker" : "";
}

/// What PID 1 was told by who made its container.
std::string told_container(const ConditionView& view) {
    for (const char* path : {"/run/host/container-manager", "/run/systemd/container"}) {
        if (auto name = read_text(view.root + path); name && !name->empty()) {
            return *name;
        }
    }
    const std::string variables = read_text(view.root + "/proc/1/environ").value_or("");
    constexpr std::string_view kKey = "container=";
    for (std::size_t at = 0; at < variables.size();) {
        const char* const variable = variables.c_str() + at;
        if (std::string_view{variable}.starts_with(kKey)) {
            return variable + kKey.size();
        }
        at += std::strlen(variable) + 1;
    }
    return {};
}

std::string_view container(const ConditionView& view) {
    if (is_there(view.root + "/proc/vz") && !is_there(view.root + "/proc/bc")) {
        return "openvz";
    }
    const std::string release = read_text(view.root + "/proc/sys/kernel/osrelease").value_or("");
    if (release.find("Microsoft") != std::string::npos ||
        release.find("WSL") != std::string::npos) {
        return "wsl";
    }
    const std::string told = told_container(view);
    if (told.empty() || told == "oci") {
        const std::string_view found = container_by_files(view);
        return found.empty() && !told.empty() ? "container-other" : found;
    }
    const auto known = std::find(kContainers.begin(), kContainers.end(), told);
    return known == kContainers.end() ? "container-other" : *known;
}

std::string_view machine_by_vendor(const ConditionView& view) {
    for (const char* field :
         {"product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"}) {
        const std::string text = read_text(view.root + "/sys/class/dmi/id/" + field).value_or("");
        for (const Mark& vendor : kVendors) {
            if (text.starts_with(vendor.text)) {
                return vendor.name;
            }
        }
    }
    return {};
}

std::string_view machine_by_processor() {
#if defined(__x86_64__)
    constexpr unsigned kHypervisorBit = 1U << 31;
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kHypervisorBit) == 0) {
        return {};
    }
    __cpuid(0x40000000, a, b, c, d);
    std::array<char, 13> signature{};
    std::memcpy(signature.data(), &b, sizeof(b));
    std::memcpy(signature.data() + 4, &c, sizeof(c));
    std::memcpy(signature.data() + 8, &d, sizeof(d));
    for (const Mark& mark : kSignatures) {
        if (mark.text == signature.data()) {
            return mark.name;
        }
    }
    return "vm-other";
#else
    return {};
#endif
}

std::string_view machine_by_device_tree(const ConditionView& view) {
    const auto text = read_text(view.root + "/proc/device-tree/hypervisor/compatible");
    if (!text) {
        return {};
    }
    const std::string_view hypervisor = text->c_str();
    return hypervisor == "linux,kvm"                      ? "kvm"
           : hypervisor.find("xen") != hypervisor.npos    ? "xen"
           : hypervisor.find("vmware") != hypervisor.npos ? "vmware"
                                                          : "vm-other";
}

std::string_view virtual_machine(const ConditionView& view) {
    // These run on other hypervisors, or say of themselves that they are another.
    const std::string_view by_vendor = machine_by_vendor(view);
    for (const std::string_view name : {"oracle", "xen", "amazon", "parallels", "google"}) {
        if (by_vendor == name) {
            return by_vendor;
        }
    }
    const std::string_view by_processor = machine_by_processor();
    if (!by_processor.empty() && by_processor != "vm-other") {
        return by_processor;
    }
    if (!by_vendor.empty()) {
        return by_vendor;
    }
    const std::string_view by_tree = machine_by_device_tree(view);
    return by_tree.empty() ? by_processor : by_tree;
}

/// A user namespace other than the first has a map of its own.
bool has_private_users(const ConditionView& view) {
    const auto map = read_text(view.root + "/proc/self/uid_map");
    if (!map) {
        return false;
    }
    const std::vector<std::string_view> words = words_of(*map);
    const std::vector<std::string_view> all{"0", "0", "4294967295"};
    return words != all;
}

}  // namespace

Verdict virtualization(const std::string& name, const ConditionView& view) {
    if (name == "private-users") {
        return has_private_users(view);
    }
    const std::string_view inner = container(view);
    const std::string_view found = inner.empty() ? virtual_machine(view) : inner;
    if (const std::optional<bool> wanted = boolean_of(name)) {
        return found.empty() != *wanted;
    }
    if (name == "vm" || name == "container") {
        return !found.empty() && inner.empty() == (name == "vm");
    }
    return found == name || (found.empty() && name == "none");
}

}  // namespace svcd
